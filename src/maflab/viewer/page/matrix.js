// 4x4 matrices as WebGL wants them: 16 numbers, column by column.

export function multiply(a, b) {
  const out = new Float32Array(16);
  for (let column = 0; column < 4; column++)
    for (let row = 0; row < 4; row++)
      for (let k = 0; k < 4; k++) out[column * 4 + row] += a[k * 4 + row] * b[column * 4 + k];
  return out;
}

/** From three rows of four numbers, as the server sends them. */
export function fromRows(rows) {
  const out = new Float32Array(16);
  rows.forEach((value, i) => (out[(i % 4) * 4 + Math.floor(i / 4)] = value));
  out[15] = 1;
  return out;
}

export function perspective(fovY, aspect, near, far) {
  const f = 1 / Math.tan(fovY / 2);
  return projection(f / aspect, f, 0, 0, near, far);
}

/**
 * What a camera with focal length and principal point in pixels sees of a picture; pixel (0, 0) is the centre of the
 * top-left one. For a view with y up that looks along -z.
 */
export function pinhole(focal, centre, size, near, far) {
  const [width, height] = size;
  const x = 1 - (2 * centre[0] + 1) / width;
  const y = (2 * centre[1] + 1) / height - 1;
  return projection((2 * focal) / width, (2 * focal) / height, x, y, near, far);
}

export function lookAt(eye, target) {
  const z = normalised(minus(eye, target));
  const x = normalised(cross([0, 1, 0], z));
  const y = cross(z, x);
  return new Float32Array([
    x[0], y[0], z[0], 0, x[1], y[1], z[1], 0, x[2], y[2], z[2], 0, -dot(x, eye), -dot(y, eye), -dot(z, eye), 1,
  ]);
}

/** Where a point lies after a matrix that keeps w = 1. */
export function moved(m, p) {
  return [0, 1, 2].map((row) => m[row] * p[0] + m[4 + row] * p[1] + m[8 + row] * p[2] + m[12 + row]);
}

export const minus = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];

export function normalised(a) {
  const length = Math.hypot(...a) || 1;
  return a.map((c) => c / length);
}

function projection(x, y, shiftX, shiftY, near, far) {
  const out = new Float32Array(16);
  out.set([x, 0, 0, 0, 0, y, 0, 0, shiftX, shiftY, (far + near) / (near - far), -1]);
  out[14] = (2 * far * near) / (near - far);
  return out;
}
