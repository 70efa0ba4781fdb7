import { Curve, Heat, dotsOf, widthOf } from "./stage.js";

const top = 8, maxDots = 300;

// serviceOf is the service that owns a type: its first word.
export const serviceOf = (type) => type.split(".", 1)[0];

// EventFlow is the picture of which types lead to which: causes on the left, effects on the right.
export class EventFlow {
  constructor() {
    this.types = [];
    this.edges = [];
    this.heat = new Heat();
  }

  update(snapshot) {
    this.now = snapshot.at;
    this.rates = new Map(snapshot.types.map((t) => [t.type, t]));
    for (const t of snapshot.types) this.heat.feed(t.type, t.shed + t.refused + t.failed + t.lost, snapshot.at);
    const edges = new Map();
    for (const e of snapshot.edges) {
      const key = `${e.from} ${e.to}`, known = edges.get(key);
      // A handler of another service has the event from a link.
      edges.set(key, { from: e.from, to: e.to, rate: e.rate + (known?.rate || 0), away: serviceOf(e.from) !== e.service });
    }
    this.edges = [...edges.values()];
    const shape = [...edges.keys()].join();
    const isNew = shape !== this.shape;
    this.shape = shape;
    if (isNew) this.arrange();
    this.bind();
    return isNew;
  }

  // arrange gives each type that leads somewhere a column and a row: effects to the right of their
  // causes, near the middle of these.
  arrange() {
    const names = [...new Set(this.edges.flatMap((e) => [e.from, e.to]))].sort();
    const causes = new Map(names.map((n) => [n, []])), effects = new Map(names.map((n) => [n, []]));
    for (const { from, to } of this.edges) {
      if (from === to) continue;
      effects.get(from).push(to);
      causes.get(to).push(from);
    }
    const depth = new Map(), under = new Set();
    const depthOf = (name) => {
      if (depth.has(name)) return depth.get(name);
      under.add(name);
      let d = 0;
      for (const cause of causes.get(name)) if (!under.has(cause)) d = Math.max(d, depthOf(cause) + 1); // a cycle ends here
      under.delete(name);
      depth.set(name, d);
      return d;
    };
    const columns = [];
    for (const name of names) (columns[depthOf(name)] ||= []).push(name);
    this.places = new Map();
    columns.forEach((inColumn, c) => {
      const middle = (name) => {
        const rows = causes.get(name).map((cause) => this.places.get(cause)?.row).filter((r) => r != null);
        return rows.length ? rows.reduce((a, b) => a + b) / rows.length : Infinity;
      };
      const order = inColumn.map((name) => [middle(name), name]).sort(([a, x], [b, y]) => a - b || (x < y ? -1 : 1));
      order.forEach(([, name], r) => this.places.set(name, { name, column: c, row: r }));
    });
    const rows = Math.max(1, ...columns.map((c) => c.length));
    for (const place of this.places.values()) place.row += (rows - columns[place.column].length) / 2;
    this.columns = Math.max(1, columns.length);
    this.rows = rows;
  }

  // widthWanted is what the picture takes at least.
  get widthWanted() { return (this.columns || 1) * 156; }

  place(width) {
    this.width = width;
    const rows = this.rows || 1;
    this.low = rows > 12; // then each type has one line
    this.row = this.low ? 28 : Math.max(48, Math.min(72, 360 / rows));
    this.high = this.low ? 22 : 38;
    this.step = Math.min(240, width / (this.columns || 1));
    this.pill = Math.min(170, this.step - 30);
    this.bind();
    return top * 2 + rows * this.row;
  }

  bind() {
    if (!this.width || !this.places) return;
    for (const p of this.places.values()) {
      p.x = p.column * this.step + 4;
      p.y = top + (p.row + 0.5) * this.row;
    }
    this.curves = this.edges.map((edge) => {
      const from = this.places.get(edge.from), to = this.places.get(edge.to);
      const back = to.column <= from.column;
      return { edge, curve: new Curve(from.x + this.pill, from.y, to.x + (back ? this.pill : 0), to.y, back ? 0.35 : 0.04) };
    });
  }

  paint(pen, colours) {
    if (!this.curves) return;
    pen.lineCap = "round";
    for (const { edge, curve } of this.curves) {
      pen.globalAlpha = edge.rate ? 0.45 : 1;
      pen.strokeStyle = edge.rate ? (edge.away ? colours.accent : colours.ink) : colours.line;
      pen.lineWidth = widthOf(edge.rate);
      curve.trace(pen);
      pen.stroke();
    }
    pen.globalAlpha = 1;
    pen.textBaseline = "middle";
    pen.textAlign = "left";
    for (const place of this.places.values()) this.type(pen, place, colours);
  }

  type(pen, { name, x, y }, colours) {
    const t = this.rates.get(name), heat = this.heat.of(name, this.now);
    const shape = () => {
      pen.beginPath();
      pen.roundRect(x, y - this.high / 2, this.pill, this.high, 6);
    };
    if (heat > 0) {
      pen.shadowColor = colours.alarm;
      pen.shadowBlur = 16 * heat;
    }
    shape();
    pen.fillStyle = colours.sheet;
    pen.fill();
    pen.shadowBlur = 0;
    pen.strokeStyle = heat > 0 ? colours.alarm : t?.leaves ? colours.accent : colours.idle;
    pen.lineWidth = heat > 0 ? 2 : 1;
    pen.stroke();
    const service = serviceOf(name), room = this.pill - 16;
    pen.font = "12px system-ui, sans-serif";
    pen.fillStyle = colours.ink;
    pen.fillText(fit(pen, this.low ? name : name.slice(service.length + 1), room), x + 8, this.low ? y + 0.5 : y + 7);
    if (this.low) return;
    pen.font = "11px system-ui, sans-serif";
    pen.fillStyle = colours.soft;
    pen.fillText(fit(pen, service, room), x + 8, y - 8);
  }

  move(pen, colours, seconds) {
    if (!this.curves) return;
    let left = maxDots;
    for (const away of [true, false]) {
      pen.fillStyle = away ? colours.accent : colours.ink;
      pen.beginPath();
      for (const { edge, curve } of this.curves) {
        if (edge.away !== away) continue;
        const dots = Math.min(left, dotsOf(edge.rate));
        left -= dots;
        for (let i = 0; i < dots; i++) {
          const [x, y] = curve.at((seconds * 0.5 + i / dots + curve.y0 * 0.017) % 1);
          pen.moveTo(x + 2.2, y);
          pen.arc(x, y, 2.2, 0, 7);
        }
      }
      pen.fill();
    }
  }
}

const fitted = new Map();

// fit cuts a text at its beginning, as types end in what tells them apart.
function fit(pen, text, width) {
  const key = `${text} ${Math.round(width)}`;
  if (fitted.has(key)) return fitted.get(key);
  let shown = text;
  while (shown.length > 2 && pen.measureText(shown).width > width) shown = "…" + shown.slice(2);
  fitted.set(key, shown);
  return shown;
}
