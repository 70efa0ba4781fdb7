import { h } from "./dom.js";

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const dark = matchMedia("(prefers-color-scheme: dark)");

// frameEvery is the least time between two frames, in milliseconds: what moves is seen to move at 30 a
// second, and the machine has other things to do.
const frameEvery = 32;

// Stage shows a picture on two canvases: below what changes with a snapshot, above what moves. A
// picture has place(width), which returns the height that it takes, paint(pen, colours) and
// move(pen, colours, seconds).
export class Stage {
  constructor(label, picture) {
    this.picture = picture;
    this.still = h("canvas", { role: "img", "aria-label": label });
    this.moving = h("canvas", { "aria-hidden": "true" });
    this.element = h("div", { class: "stage" }, this.still, this.moving);
    this.last = 0;
    this.seen = true;
  }

  start() {
    this.sized = new ResizeObserver(() => this.resize());
    this.sized.observe(this.element);
    this.inView = new IntersectionObserver(([entry]) => { this.seen = entry.isIntersecting; });
    this.inView.observe(this.element);
    this.recolour = () => this.paint(true);
    dark.addEventListener("change", this.recolour);
    this.frame = requestAnimationFrame((at) => this.tick(at));
  }

  stop() {
    this.sized.disconnect();
    this.inView.disconnect();
    dark.removeEventListener("change", this.recolour);
    cancelAnimationFrame(this.frame);
  }

  resize() {
    const width = this.element.clientWidth;
    if (width === 0) return;
    const height = Math.round(this.picture.place(width));
    const sharp = Math.min(devicePixelRatio || 1, 2);
    this.sharp = sharp;
    this.width = width;
    this.height = height;
    this.element.style.height = `${height}px`;
    for (const canvas of [this.still, this.moving]) {
      canvas.width = Math.round(width * sharp);
      canvas.height = Math.round(height * sharp);
    }
    this.paint();
  }

  // pen is the context of a canvas, cleared.
  pen(canvas) {
    const pen = canvas.getContext("2d");
    pen.setTransform(this.sharp, 0, 0, this.sharp, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    return pen;
  }

  paint(recolour) {
    if (!this.width) return;
    if (!this.colours || recolour) {
      const style = getComputedStyle(document.documentElement);
      this.colours = {};
      for (const name of ["paper", "sheet", "ink", "soft", "line", "idle", "accent", "alarm"]) {
        this.colours[name] = style.getPropertyValue(`--${name}`).trim();
      }
    }
    this.picture.paint(this.pen(this.still), this.colours);
  }

  tick(at) {
    this.frame = requestAnimationFrame((next) => this.tick(next));
    if (at - this.last < frameEvery || !this.width || !this.seen || calm.matches) return;
    this.last = at;
    this.picture.move(this.pen(this.moving), this.colours, at / 1000);
  }
}

// width is that of a line for events a second.
export const widthOf = (rate) => (rate > 0 ? 1.2 + 1.1 * Math.log2(1 + rate) ** 0.9 : 1);

// dotsOf is how many dots move along a line.
export const dotsOf = (rate) => (rate > 0 ? Math.min(5, 1 + Math.floor(Math.log2(1 + rate) / 1.6)) : 0);

// Curve is a quadratic curve between two points, bent to the left of its way.
export class Curve {
  constructor(x0, y0, x1, y1, bend) {
    Object.assign(this, { x0, y0, x1, y1 });
    this.cx = (x0 + x1) / 2 + (y1 - y0) * bend;
    this.cy = (y0 + y1) / 2 - (x1 - x0) * bend;
  }

  at(t) {
    const a = (1 - t) * (1 - t), b = 2 * (1 - t) * t, c = t * t;
    return [a * this.x0 + b * this.cx + c * this.x1, a * this.y0 + b * this.cy + c * this.y1];
  }

  trace(pen) {
    pen.beginPath();
    pen.moveTo(this.x0, this.y0);
    pen.quadraticCurveTo(this.cx, this.cy, this.x1, this.y1);
  }
}

// Heat keeps what was bad glowing for some seconds after it ended.
export class Heat {
  constructor() { this.until = new Map(); }

  feed(key, rate, at) { if (rate > 0) this.until.set(key, at + 4000); }

  of(key, at) { return Math.max(0, Math.min(1, ((this.until.get(key) || 0) - at) / 4000)); }
}
