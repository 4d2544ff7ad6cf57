// Draws bodies, bones, their shadow and the ground on one canvas.

import { multiply } from "./matrix.js";
import { BODY, GROUND, LINES, SHADOW } from "./shaders.js";

const IDENTITY = new Float32Array([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);

export class Renderer {
  /** `faces`: Uint32Array of the bodies' triangles. */
  constructor(canvas, faces) {
    const gl = canvas.getContext("webgl2", { alpha: true, antialias: true, stencil: true, premultipliedAlpha: true });
    if (!gl) throw new Error("This browser has no WebGL 2, which the 3D view needs");
    this.canvas = canvas;
    this.gl = gl;
    const sources = { body: BODY, shadow: SHADOW, ground: GROUND, lines: LINES };
    this.programs = Object.fromEntries(Object.entries(sources).map(([name, both]) => [name, program(gl, both)]));
    this.faces = buffer(gl, gl.ELEMENT_ARRAY_BUFFER, faces);
    this.count = faces.length;
    this.meshes = new Map(); // by key: buffers and the shape that is in them
    this.scratch = buffer(gl, gl.ARRAY_BUFFER, new Float32Array(0));
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  /** Fit the drawing to the canvas's size on the page, and clear it; returns width over height. */
  begin() {
    const { canvas, gl } = this;
    const width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
    const height = Math.max(1, Math.round(canvas.clientHeight * devicePixelRatio));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT | gl.STENCIL_BUFFER_BIT);
    return width / height;
  }

  /** A shape {vertices, normals} in the camera frame; `model` takes it to the page's axes. */
  body(key, shape, colour, opacity, camera, model) {
    const { gl } = this;
    const mesh = this.upload(key, shape);
    this.use("body", { view: multiply(camera.view, model), projection: camera.projection, colour, opacity });
    this.attribute("body", "position", mesh.vertices);
    this.attribute("body", "normal", mesh.normals);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.faces);
    if (opacity < 1) {
      // First how deep the surface is, so that only its front is seen through.
      gl.colorMask(false, false, false, false);
      gl.drawElements(gl.TRIANGLES, this.count, gl.UNSIGNED_INT, 0);
      gl.colorMask(true, true, true, true);
      gl.enable(gl.BLEND);
    }
    gl.drawElements(gl.TRIANGLES, this.count, gl.UNSIGNED_INT, 0);
    gl.disable(gl.BLEND);
  }

  /** Where the light of a body does not fall; what several triangles shade is no darker than what one does. */
  shadow(key, shape, camera, model, floorHeight) {
    const { gl } = this;
    const mesh = this.upload(key, shape);
    this.use("shadow", { model, view: camera.view, projection: camera.projection, floorHeight });
    this.attribute("shadow", "position", mesh.vertices);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.faces);
    gl.enable(gl.STENCIL_TEST);
    gl.stencilFunc(gl.EQUAL, 0, 0xff);
    gl.stencilOp(gl.KEEP, gl.KEEP, gl.INCR);
    gl.enable(gl.BLEND);
    gl.depthMask(false);
    gl.drawElements(gl.TRIANGLES, this.count, gl.UNSIGNED_INT, 0);
    gl.depthMask(true);
    gl.disable(gl.BLEND);
    gl.disable(gl.STENCIL_TEST);
  }

  /** Triangles {vertices, normals} without shared corners, such as bones. */
  solid(shape, colour, camera, model) {
    const { gl } = this;
    this.use("body", { view: multiply(camera.view, model), projection: camera.projection, colour, opacity: 1 });
    const both = new Float32Array(shape.vertices.length * 2);
    both.set(shape.vertices);
    both.set(shape.normals, shape.vertices.length);
    this.fill(both);
    this.attribute("body", "position", this.scratch);
    this.attribute("body", "normal", this.scratch, shape.vertices.byteLength);
    gl.drawArrays(gl.TRIANGLES, 0, shape.vertices.length / 3);
  }

  /** A grid of metres around a point of the ground. */
  ground(middle, reach, camera) {
    const { gl } = this;
    const [x, y, z] = middle;
    const corners = [-1, -1, 1, -1, -1, 1, 1, 1].map((c) => c * reach);
    this.fill(new Float32Array([0, 2, 4, 6].flatMap((i) => [x + corners[i], y, z + corners[i + 1]])));
    this.use("ground", { view: camera.view, projection: camera.projection, middle, reach });
    this.attribute("ground", "position", this.scratch);
    gl.enable(gl.BLEND);
    gl.depthMask(false);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    gl.depthMask(true);
    gl.disable(gl.BLEND);
  }

  /** Pairs of points, in the page's axes. */
  lines(points, colour, camera) {
    this.use("lines", { view: camera.view, projection: camera.projection, colour });
    this.fill(new Float32Array(points));
    this.attribute("lines", "position", this.scratch);
    this.gl.drawArrays(this.gl.LINES, 0, points.length / 3);
  }

  upload(key, shape) {
    const { gl } = this;
    let mesh = this.meshes.get(key);
    if (!mesh) {
      mesh = { vertices: gl.createBuffer(), normals: gl.createBuffer(), shape: null };
      this.meshes.set(key, mesh);
    }
    if (mesh.shape !== shape) {
      for (const name of ["vertices", "normals"]) {
        gl.bindBuffer(gl.ARRAY_BUFFER, mesh[name]);
        gl.bufferData(gl.ARRAY_BUFFER, shape[name], gl.DYNAMIC_DRAW);
      }
      mesh.shape = shape;
    }
    return mesh;
  }

  fill(values) {
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.scratch);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, values, this.gl.STREAM_DRAW);
  }

  use(name, uniforms) {
    const { gl } = this;
    const program = this.programs[name];
    gl.useProgram(program);
    for (const [key, value] of Object.entries(uniforms)) {
      const at = gl.getUniformLocation(program, key);
      if (typeof value === "number") gl.uniform1f(at, value);
      else if (value.length === 3) gl.uniform3fv(at, value);
      else gl.uniformMatrix4fv(at, false, value);
    }
  }

  attribute(program, name, source, offset = 0) {
    const { gl } = this;
    const at = gl.getAttribLocation(this.programs[program], name);
    gl.bindBuffer(gl.ARRAY_BUFFER, source);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, 3, gl.FLOAT, false, 0, offset);
  }
}

export { IDENTITY };

function buffer(gl, kind, values) {
  const made = gl.createBuffer();
  gl.bindBuffer(kind, made);
  gl.bufferData(kind, values, gl.STATIC_DRAW);
  return made;
}

function program(gl, sources) {
  const made = gl.createProgram();
  [gl.VERTEX_SHADER, gl.FRAGMENT_SHADER].forEach((kind, i) => {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, sources[i]);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(made, shader);
  });
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made));
  return made;
}
