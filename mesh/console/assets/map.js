import { Curve, Heat, dotsOf, widthOf } from "./stage.js";

// maxDots bounds what moves.
const maxDots = 400;

// MeshMap is the picture of nodes and links: nodes stand on a ring, links lead from who exports to who
// imports. What stays local goes round its node.
export class MeshMap {
  constructor() {
    this.nodes = [];
    this.links = [];
    this.heat = new Heat();
  }

  update(snapshot) {
    this.now = snapshot.at;
    for (const n of snapshot.nodes) this.heat.feed(n.name, n.shed + n.refused + n.failed + n.lost, snapshot.at);
    const names = snapshot.nodes.map((n) => n.name).join();
    this.nodes = snapshot.nodes;
    this.links = snapshot.links;
    if (names !== this.names && this.width) this.place(this.width);
    this.names = names;
    this.bind();
  }

  place(width) {
    this.width = width;
    const many = this.nodes.length > 16;
    this.height = Math.min(many ? 560 : 400, Math.max(280, width * (many ? 0.95 : 0.75)));
    this.marginX = width < 420 ? 62 : 88;
    this.marginY = many ? 36 : 62;
    this.bind();
    return this.height;
  }

  // bind gives nodes their places, and links their curves.
  bind() {
    if (!this.width) return;
    const n = this.nodes.length, angles = this.nodes.map((_, i) => -Math.PI / 2 + (2 * Math.PI * i) / n);
    const across = spread(angles.map(Math.cos), this.marginX, this.width - this.marginX);
    const down = spread(angles.map(Math.sin), this.marginY, this.height - this.marginY);
    this.at = new Map(this.nodes.map((node, i) => [node.name, { node, angle: angles[i], x: across[i], y: down[i], r: n > 16 ? 7 : 17 }]));
    this.curves = this.links.flatMap((link) => {
      const from = this.at.get(link.from), to = this.at.get(link.to);
      if (!from || !to) return [];
      const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
      const dx = (to.x - from.x) / length, dy = (to.y - from.y) / length, side = n > 16 ? 0 : 5;
      const curve = new Curve(from.x + dx * (from.r + 6) + dy * side, from.y + dy * (from.r + 6) - dx * side,
        to.x - dx * (to.r + 8) + dy * side, to.y - dy * (to.r + 8) - dx * side, n > 16 ? 0.06 : 0.09);
      return [{ link, curve }];
    });
  }

  paint(pen, colours) {
    if (!this.at) return;
    pen.lineCap = "round";
    const [up, down] = ["up", "down"].map((state) => this.curves.filter(({ link }) => link.state === state));
    for (const { link, curve } of up) if (!link.rate) this.line(pen, curve, colours.line, 1);
    for (const { link, curve } of up) if (link.rate) this.line(pen, curve, colours.accent, widthOf(link.rate), 0.45);
    for (const { curve } of down) this.broken(pen, curve, colours);
    if (this.curves.length < 80) {
      for (const { link, curve } of up) this.head(pen, curve, link.rate ? colours.accent : colours.idle);
      for (const { curve } of down) this.head(pen, curve, colours.alarm);
    }
    for (const place of this.at.values()) this.node(pen, place, colours);
  }

  line(pen, curve, colour, width, alpha = 1) {
    pen.globalAlpha = alpha;
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    curve.trace(pen);
    pen.stroke();
    pen.globalAlpha = 1;
  }

  broken(pen, curve, colours) {
    pen.setLineDash([5, 6]);
    this.line(pen, curve, colours.alarm, 2);
    pen.setLineDash([]);
    const [x, y] = curve.at(0.5);
    pen.fillStyle = colours.sheet;
    pen.beginPath();
    pen.arc(x, y, 9, 0, 7);
    pen.fill();
    pen.beginPath();
    pen.moveTo(x - 4, y - 4);
    pen.lineTo(x + 4, y + 4);
    pen.moveTo(x + 4, y - 4);
    pen.lineTo(x - 4, y + 4);
    pen.stroke();
  }

  head(pen, curve, colour) {
    const [x, y] = curve.at(0.94), angle = Math.atan2(curve.y1 - y, curve.x1 - x);
    pen.fillStyle = colour;
    pen.beginPath();
    for (const turn of [0, 2.5, -2.5]) {
      const r = turn ? 5 : 6;
      pen.lineTo(curve.x1 + r * Math.cos(angle + turn), curve.y1 + r * Math.sin(angle + turn));
    }
    pen.fill();
  }

  node(pen, { node, angle, x, y, r }, colours) {
    const heat = this.heat.of(node.name, this.now), isDown = node.problem || this.isCutOff(node);
    if (heat > 0) {
      const glow = pen.createRadialGradient(x, y, r, x, y, r * 2.6);
      glow.addColorStop(0, colours.alarm);
      glow.addColorStop(1, "transparent");
      pen.globalAlpha = 0.55 * heat;
      pen.fillStyle = glow;
      pen.beginPath();
      pen.arc(x, y, r * 2.6, 0, 7);
      pen.fill();
      pen.globalAlpha = 1;
    }
    pen.beginPath();
    pen.arc(x, y, r, 0, 7);
    pen.fillStyle = colours.sheet;
    pen.fill();
    pen.strokeStyle = isDown ? colours.alarm : colours.ink;
    pen.lineWidth = Math.min(6, widthOf(node.local));
    if (!node.asked || isDown) pen.setLineDash([3, 4]);
    pen.stroke();
    pen.setLineDash([]);
    this.label(pen, node, angle, x, y, r, colours, isDown);
  }

  label(pen, node, angle, x, y, r, colours, isDown) {
    const few = this.nodes.length <= 16;
    pen.fillStyle = isDown ? colours.alarm : colours.ink;
    pen.font = `${few ? "600 13px" : "11px"} system-ui, sans-serif`;
    const side = Math.cos(angle);
    pen.textAlign = few || Math.abs(side) < 0.2 ? "center" : side > 0 ? "left" : "right";
    pen.textBaseline = "middle";
    if (!few) {
      pen.fillText(node.name, x + (r + 7) * side, y + (r + 9) * Math.sin(angle));
      return;
    }
    const below = Math.sin(angle) >= -0.5 ? 1 : -1;
    pen.fillText(node.name, x, y + below * (r + (below > 0 ? 16 : 30)));
    pen.font = "12px system-ui, sans-serif";
    pen.fillStyle = isDown ? colours.alarm : colours.soft;
    pen.fillText(isDown ? "not linked" : `${Math.round(node.handled)} handled/s`, x, y + below * (r + (below > 0 ? 32 : 14)));
  }

  // isCutOff reports whether a node has links that are down, and none that is up.
  isCutOff(node) {
    const own = this.links.filter((l) => l.from === node.name || l.to === node.name);
    return own.some((l) => l.state === "down") && own.every((l) => l.state !== "up");
  }

  move(pen, colours, seconds) {
    if (!this.at) return;
    let left = maxDots;
    pen.fillStyle = colours.accent;
    pen.beginPath();
    for (const { link, curve } of this.curves) {
      const dots = link.state === "up" ? Math.min(left, dotsOf(link.rate)) : 0;
      left -= dots;
      for (let i = 0; i < dots; i++) {
        const [x, y] = curve.at((seconds * 0.45 + i / dots + curve.x0 * 0.013) % 1);
        pen.moveTo(x + 2.6, y);
        pen.arc(x, y, 2.6, 0, 7);
      }
    }
    pen.fill();
    pen.fillStyle = colours.ink;
    pen.beginPath();
    for (const { node, x, y, r } of this.at.values()) {
      const dots = Math.min(left, dotsOf(node.local));
      left -= dots;
      for (let i = 0; i < dots; i++) {
        const turn = 2 * Math.PI * (seconds * 0.35 + i / dots), far = r + 6;
        pen.moveTo(x + far * Math.cos(turn) + 2.2, y + far * Math.sin(turn));
        pen.arc(x + far * Math.cos(turn), y + far * Math.sin(turn), 2.2, 0, 7);
      }
    }
    pen.fill();
  }
}

// spread puts numbers between two ends, as far apart as there is room; equal ones into the middle.
function spread(numbers, from, to) {
  const least = Math.min(...numbers), most = Math.max(...numbers);
  if (most - least < 1e-9) return numbers.map(() => (from + to) / 2);
  return numbers.map((n) => from + ((n - least) / (most - least)) * (to - from));
}
