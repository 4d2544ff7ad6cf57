// The two drawings of a frame: over the clip, as its camera sees it, and in space, from wherever one looks.

import { fromRows, minus, moved, pinhole } from "./matrix.js";
import { Orbit } from "./orbit.js";
import { IDENTITY, Renderer } from "./renderer.js";
import { skeleton } from "./shapes.js";

const UPRIGHT = fromRows([1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0]);
const BONES = [0.97, 0.86, 0.42];
const FADED = 0.42; // bodies whose bones are shown

export class Scene {
  constructor(info, faces, overlay, space) {
    this.info = info;
    this.people = []; // of the frame that is shown: {track, colour, shape}
    this.frame = 0;
    this.look = { mesh: true, skeleton: false, overlay: true };
    this.overlay = new Renderer(overlay, faces);
    this.space = new Renderer(space, faces);
    this.orbit = new Orbit(space, () => this.redraw());
    this.orbit.lookTo(info.place.centre);
    for (const canvas of [overlay, space]) new ResizeObserver(() => this.redraw()).observe(canvas);
  }

  /** From the camera's side, a little to its left, as far away as it takes to see whoever is in the frame. */
  home() {
    const { centre } = this.info.place;
    const axes = this.axes();
    const points = this.people.flatMap(({ shape: { joints } }) =>
      this.info.parents.map((_, j) => moved(axes, joints.subarray(3 * j, 3 * j + 3))));
    const low = [0, 1, 2].map((i) => Math.min(...points.map((p) => p[i])));
    const high = [0, 1, 2].map((i) => Math.max(...points.map((p) => p[i])));
    const reach = points.length ? Math.hypot(...minus(high, low)) : 2;
    this.orbit.lookTo(points.length ? low.map((c, i) => (c + high[i]) / 2) : centre);
    this.orbit.place(0.5, 0.2, Math.max(2, reach * 1.75));
  }

  show(frame, people) {
    Object.assign(this, { frame, people });
    this.redraw();
  }

  redraw() {
    this.wanted ??= requestAnimationFrame(() => {
      this.wanted = null;
      if (this.look.overlay) this.drawOverlay();
      this.drawSpace();
    });
  }

  axes() {
    const { axes } = this.info;
    return fromRows(axes[Math.min(this.frame, axes.length - 1)]);
  }

  drawOverlay() {
    const { info, overlay, frame } = this;
    overlay.begin();
    const projection = pinhole(info.focal[frame], info.centre[frame], info.size, 0.05, 500);
    this.drawPeople(overlay, { view: IDENTITY, projection }, UPRIGHT);
  }

  drawSpace() {
    const { info, space, orbit } = this;
    const camera = orbit.camera(space.begin());
    const model = this.axes();
    const { centre, floor } = info.place;
    space.ground([orbit.target[0], floor, orbit.target[2]], Math.max(5, orbit.distance * 2), camera);
    if (this.look.mesh)
      for (const { track, shape } of this.people) space.shadow(track, shape, camera, model, floor);
    const eye = moved(model, [0, 0, 0]);
    if (Math.hypot(...minus(eye, centre)) > 0.5) space.lines(this.frustum(model), [0.55, 0.62, 0.72], camera);
    this.drawPeople(space, camera, model);
  }

  drawPeople(renderer, camera, model) {
    const { mesh, skeleton: bones } = this.look;
    for (const { colour, shape } of this.people)
      if (bones) renderer.solid(skeleton(shape.joints, this.info.parents), mesh ? BONES : colour, camera, model);
    for (const { track, colour, shape } of this.people)
      if (mesh) renderer.body(track, shape, colour, bones ? FADED : 1, camera, model);
  }

  /** The camera that took the clip, as the edges of what it sees up to a third of a metre. */
  frustum(model) {
    const { focal, centre, size } = this.info;
    const depth = 0.35;
    const [x, y] = centre[this.frame];
    const pixel = depth / focal[this.frame];
    const corner = (u, v) => moved(model, [(u - x) * pixel, (v - y) * pixel, depth]);
    const corners = [corner(0, 0), corner(size[0], 0), corner(size[0], size[1]), corner(0, size[1])];
    const eye = moved(model, [0, 0, 0]);
    return corners.flatMap((point, i) => [...eye, ...point, ...point, ...corners[(i + 1) % 4]]);
  }
}
