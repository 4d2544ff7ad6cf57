// The programs of the graphics card: bodies and bones, their shadow, the ground, thin lines.

const HEAD = `#version 300 es
precision highp float;
`;

export const BODY = [
  `${HEAD}
  in vec3 position; in vec3 normal;
  uniform mat4 view, projection;
  out vec3 seen, facing;
  void main() {
    vec4 at = view * vec4(position, 1.0);
    seen = at.xyz;
    facing = mat3(view) * normal;
    gl_Position = projection * at;
  }`,
  `${HEAD}
  in vec3 seen, facing;
  uniform vec3 colour; uniform float opacity;
  out vec4 fragment;
  void main() {
    vec3 n = normalize(facing), eye = normalize(-seen);
    if (dot(n, eye) < 0.0) n = -n;
    // A key light from the upper left, a sky above a darker ground, and a rim: all fixed to the viewer.
    vec3 key = normalize(vec3(-0.5, 0.75, 0.7));
    float lit = 0.62 * max(dot(n, key), 0.0) + 0.42 + 0.18 * n.y;
    float shine = 0.16 * pow(max(dot(n, normalize(key + eye)), 0.0), 24.0);
    float rim = 0.22 * pow(1.0 - max(dot(n, eye), 0.0), 3.0);
    vec3 rgb = colour * colour * lit + shine + rim * mix(colour, vec3(1.0), 0.5);
    fragment = vec4(sqrt(clamp(rgb, 0.0, 1.0)) * opacity, opacity);
  }`,
];

export const SHADOW = [
  `${HEAD}
  in vec3 position;
  uniform mat4 model, view, projection; uniform float floorHeight;
  void main() {
    vec4 at = model * vec4(position, 1.0);
    // Along the light onto the ground, a little above it.
    float drop = at.y - floorHeight;
    at = vec4(at.x + 0.35 * drop, floorHeight + 0.002, at.z - 0.3 * drop, 1.0);
    gl_Position = projection * view * at;
  }`,
  `${HEAD}
  out vec4 fragment;
  void main() { fragment = vec4(0.0, 0.0, 0.0, 0.34); }`,
];

export const GROUND = [
  `${HEAD}
  in vec3 position;
  uniform mat4 view, projection;
  out vec3 place;
  void main() { place = position; gl_Position = projection * view * vec4(position, 1.0); }`,
  `${HEAD}
  in vec3 place;
  uniform vec3 middle; uniform float reach;
  out vec4 fragment;
  float line(vec2 at, float width) {
    vec2 off = abs(fract(at - 0.5) - 0.5) / max(fwidth(at), 1e-6);
    return 1.0 - min(min(off.x, off.y) / width, 1.0);
  }
  void main() {
    float fade = 1.0 - smoothstep(0.35, 1.0, length(place.xz - middle.xz) / reach);
    float grid = max(0.30 * line(place.xz, 1.4), 0.12 * line(place.xz * 4.0, 1.0));
    float alpha = (0.10 + grid) * fade;
    fragment = vec4(vec3(0.62, 0.70, 0.80) * alpha, alpha);
  }`,
];

export const LINES = [
  `${HEAD}
  in vec3 position;
  uniform mat4 view, projection;
  void main() { gl_Position = projection * view * vec4(position, 1.0); }`,
  `${HEAD}
  uniform vec3 colour;
  out vec4 fragment;
  void main() { fragment = vec4(colour, 1.0); }`,
];
