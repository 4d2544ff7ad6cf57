// Fetches people block by block, keeps the last few blocks, and turns them into shapes to draw.

import { mixed, smoothNormals } from "./shapes.js";

const KEPT = 64; // blocks; some 45 MB of a body of 6,890 vertices
const HEAD = 76; // floats of a frame before its vertices: translation, unit, joints

export class Bodies {
  constructor(info, faces) {
    this.info = info;
    this.faces = faces;
    this.blocks = new Map(); // promises by address, in the order of their last use
  }

  /** The row of a track that a frame is, or -1. */
  row(track, frame) {
    let before = 0;
    for (const [first, count] of this.info.tracks[track].runs) {
      if (frame < first) return -1;
      if (frame < first + count) return before + frame - first;
      before += count;
    }
    return -1;
  }

  /** The shape of a track in a frame, between two stages if `stage` is no whole number; null if it is not there. */
  async shape(track, frame, stage) {
    const row = this.row(track, frame);
    if (row < 0) return null;
    const last = this.info.tracks[track].stages - 1;
    const low = Math.min(Math.floor(stage), last);
    const high = Math.min(Math.ceil(stage), last);
    const [a, b] = await Promise.all([low, high].map((s) => this.pose(track, s, row)));
    const part = low === high ? 0 : stage - low;
    const vertices = mixed(a.vertices, b.vertices, part);
    return { vertices, joints: mixed(a.joints, b.joints, part), normals: smoothNormals(vertices, this.faces) };
  }

  /** Ask for what is likely to be shown next. */
  prefetch(track, frame, stage) {
    const row = this.row(track, frame);
    if (row < 0) return;
    const last = this.info.tracks[track].stages - 1;
    this.block(track, Math.min(Math.round(stage), last), Math.floor(row / this.info.block)).catch(() => {});
  }

  async pose(track, stage, row) {
    const block = await this.block(track, stage, Math.floor(row / this.info.block));
    const number = row % this.info.block;
    const size = this.info.vertices * 3;
    const head = block.head.subarray(number * HEAD, (number + 1) * HEAD);
    const steps = block.steps.subarray(number * size, (number + 1) * size);
    const vertices = new Float32Array(size);
    for (let i = 0; i < size; i++) vertices[i] = steps[i] * head[3] + head[i % 3];
    const joints = head.slice(4);
    for (let i = 0; i < joints.length; i++) joints[i] += head[i % 3];
    return { vertices, joints };
  }

  block(track, stage, number) {
    const address = `bodies/${track}/${stage}/${number}`;
    const made = this.blocks.get(address) ?? this.fetched(address);
    this.blocks.delete(address);
    this.blocks.set(address, made);
    if (this.blocks.size > KEPT) this.blocks.delete(this.blocks.keys().next().value);
    return made;
  }

  async fetched(address) {
    try {
      const answer = await fetch(address);
      if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
      const content = await answer.arrayBuffer();
      const frames = content.byteLength / (HEAD * 4 + this.info.vertices * 6);
      return { head: new Float32Array(content, 0, frames * HEAD), steps: new Int16Array(content, frames * HEAD * 4) };
    } catch (error) {
      this.blocks.delete(address); // the next look asks again
      throw error;
    }
  }
}
