// A camera that circles a point: drag to turn, drag with the right button or Shift to shift, wheel to come nearer.

import { lookAt, perspective } from "./matrix.js";

const FOV = (38 * Math.PI) / 180;

export class Orbit {
  /** `changed` is called whenever the camera has moved. */
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.touches = new Map();
    this.target = [0, 0, 0];
    this.place(0.55, 0.22, 4);
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.touches.set(event.pointerId, event);
    });
    canvas.addEventListener("pointermove", (event) => this.drag(event));
    for (const name of ["pointerup", "pointercancel"])
      canvas.addEventListener(name, (event) => this.touches.delete(event.pointerId));
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(event.deltaY * 0.0012));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  /** Turn (radians about the vertical), height (radians above the horizon) and distance (metres). */
  place(turn, height, distance) {
    Object.assign(this, { turn, height, distance });
    this.changed();
  }

  lookTo(target) {
    this.target = [...target];
    this.changed();
  }

  camera(aspect) {
    const { turn, height, distance, target } = this;
    const flat = Math.cos(height) * distance;
    const off = [Math.sin(turn) * flat, Math.sin(height) * distance, Math.cos(turn) * flat];
    const eye = target.map((c, i) => c + off[i]);
    const projection = perspective(FOV, aspect, Math.max(0.02, distance / 200), distance * 60 + 100);
    return { view: lookAt(eye, target), projection };
  }

  drag(event) {
    const before = this.touches.get(event.pointerId);
    if (!before) return;
    const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
    if (this.touches.size === 2) {
      const other = [...this.touches.values()].find((touch) => touch.pointerId !== event.pointerId);
      const far = (e) => Math.hypot(e.clientX - other.clientX, e.clientY - other.clientY) || 1;
      this.zoom(far(before) / far(event));
    } else if (event.buttons & 2 || event.shiftKey) this.shift(dx, dy);
    else this.rotate(dx, dy);
    this.touches.set(event.pointerId, event);
  }

  rotate(dx, dy) {
    this.turn -= dx * 0.008;
    this.height = Math.min(1.55, Math.max(-1.2, this.height + dy * 0.008));
    this.changed();
  }

  shift(dx, dy) {
    const metre = (this.distance * Math.tan(FOV / 2) * 2) / this.canvas.clientHeight;
    this.target[0] -= Math.cos(this.turn) * dx * metre;
    this.target[2] += Math.sin(this.turn) * dx * metre;
    this.target[1] += dy * metre;
    this.changed();
  }

  zoom(factor) {
    this.distance = Math.min(200, Math.max(0.4, this.distance * factor));
    this.changed();
  }

  key(event) {
    const steps = { ArrowLeft: [12, 0], ArrowRight: [-12, 0], ArrowUp: [0, 12], ArrowDown: [0, -12] };
    if (steps[event.key]) this.rotate(...steps[event.key]);
    else if (event.key === "+") this.zoom(0.9);
    else if (event.key === "-") this.zoom(1.1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
