// Shapes to draw: {vertices, normals}, three numbers a corner.

import { cross, dot, minus, normalised } from "./matrix.js";

/** Every bone as a slim octahedron, thickest near its parent joint, and a knob at each joint. */
export function skeleton(joints, parents) {
  const vertices = [];
  const normals = [];
  const at = (j) => [joints[3 * j], joints[3 * j + 1], joints[3 * j + 2]];
  parents.forEach((parent, j) => {
    if (parent >= 0) octahedron(vertices, normals, at(parent), at(j), 0.018, 0.2);
    const [x, y, z] = at(j);
    octahedron(vertices, normals, [x, y - 0.02, z], [x, y + 0.02, z], 0.02, 0.5);
  });
  return { vertices: new Float32Array(vertices), normals: new Float32Array(normals) };
}

function octahedron(vertices, normals, from, to, radius, waist) {
  const along = from.map((c, i) => to[i] - c);
  const axis = normalised(along);
  const least = Math.abs(axis[0]) < 0.6 ? [1, 0, 0] : [0, 1, 0];
  const u = normalised(cross(axis, least));
  const v = cross(axis, u);
  const middle = from.map((c, i) => c + along[i] * waist);
  const sides = [[1, 0], [0, 1], [-1, 0], [0, -1]];
  const ring = sides.map(([a, b]) => middle.map((c, i) => c + radius * (a * u[i] + b * v[i])));
  for (let k = 0; k < 4; k++)
    for (const tip of [from, to]) {
      const corners = [tip, ring[k], ring[(k + 1) % 4]];
      const outward = normalised(corners[1].map((c, i) => c + corners[2][i] - 2 * middle[i]));
      const flat = normalised(cross(minus(corners[1], corners[0]), minus(corners[2], corners[0])));
      const sign = Math.sign(dot(flat, outward)) || 1;
      for (const corner of corners) {
        vertices.push(...corner);
        normals.push(...flat.map((c) => sign * c));
      }
    }
}

/** Between two arrays of one length. */
export function mixed(a, b, part) {
  if (part === 0) return a;
  return a.map((value, i) => value + (b[i] - value) * part);
}

/** Normals of vertices: the sum of the normals of the triangles around each, larger ones weighing more. */
export function smoothNormals(p, faces) {
  const n = new Float32Array(p.length);
  for (let f = 0; f < faces.length; f += 3) {
    const [a, b, c] = [3 * faces[f], 3 * faces[f + 1], 3 * faces[f + 2]];
    const ux = p[b] - p[a], uy = p[b + 1] - p[a + 1], uz = p[b + 2] - p[a + 2];
    const vx = p[c] - p[a], vy = p[c + 1] - p[a + 1], vz = p[c + 2] - p[a + 2];
    const x = uy * vz - uz * vy, y = uz * vx - ux * vz, z = ux * vy - uy * vx;
    for (const k of [a, b, c]) {
      n[k] += x;
      n[k + 1] += y;
      n[k + 2] += z;
    }
  }
  return n;
}
