"""A `.glb` drawn by three.js in a headless Chromium, without a network."""

import mimetypes
from pathlib import Path
from typing import Any

_ORIGIN = "http://model.test/"

_PAGE = """<!doctype html><meta charset="utf-8"><style>body { margin: 0 }</style><canvas></canvas>
<script type="importmap">{"imports": {
  "three": "/node_modules/three/build/three.module.js", "three/addons/": "/node_modules/three/examples/jsm/"}}</script>
<script type="module">
import * as THREE from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
// options: width, height, time; flat: people without light on white through the file's own camera; else eye, target,
// floor, and skeleton: the bones in front of everything.
window.draw = async (options) => {
  const gltf = await new GLTFLoader().loadAsync("/result.glb");
  const scene = gltf.scene;
  const mixer = new THREE.AnimationMixer(scene);
  mixer.clipAction(gltf.animations[0]).play();
  mixer.setTime(options.time);
  scene.updateMatrixWorld(true);
  const canvas = document.querySelector("canvas");
  const renderer = new THREE.WebGLRenderer({ canvas, antialias: !options.flat, preserveDrawingBuffer: true });
  renderer.setSize(options.width, options.height);
  scene.traverse((object) => { object.frustumCulled = false; });
  let camera = gltf.cameras[0];
  if (options.flat) {
    renderer.setClearColor(0xffffff);
    scene.traverse((object) => {
      if (object.isMesh) object.material = new THREE.MeshBasicMaterial({ color: object.material.color });
    });
  } else {
    renderer.setClearColor(0xf2f4f6);
    renderer.shadowMap.enabled = true;
    scene.add(new THREE.HemisphereLight(0xffffff, 0x9aa0a8, 1.6));
    const sun = new THREE.DirectionalLight(0xffffff, 2.2);
    const target = new THREE.Vector3(...options.target);
    sun.position.copy(target).add(new THREE.Vector3(1.5, 4, 2.5));
    sun.target.position.copy(target);
    sun.castShadow = true;
    sun.shadow.mapSize.set(2048, 2048);
    Object.assign(sun.shadow.camera, { left: -4, right: 4, top: 4, bottom: -4 });
    sun.shadow.bias = -0.0005;
    scene.add(sun, sun.target);
    const floor = new THREE.Mesh(new THREE.PlaneGeometry(40, 40), new THREE.MeshStandardMaterial({ color: 0xe4e7ea }));
    floor.rotation.x = -Math.PI / 2;
    floor.receiveShadow = true;
    const grid = new THREE.GridHelper(7, 14, 0xa9b2bc, 0xc2c9d0);
    for (const object of [floor, grid]) object.position.set(target.x, options.floor, target.z);
    grid.position.y += 0.003;
    scene.traverse((object) => { if (object.isSkinnedMesh) object.castShadow = true; });
    scene.add(floor, grid, new THREE.CameraHelper(short(gltf.cameras[0])));
    for (const root of options.skeleton ? bones(gltf.scene) : []) {
      scene.add(new THREE.SkeletonHelper(root), ...balls(root));
    }
    camera = new THREE.PerspectiveCamera(32, options.width / options.height, 0.05, 100);
    camera.position.set(...options.eye);
    camera.lookAt(target);
  }
  renderer.render(scene, camera);
  return renderer.info.render.triangles;
};
const bones = (scene) => {
  const found = [];
  scene.traverse((object) => { if (object.isBone && !object.parent.isBone) found.push(object); });
  return found;
};
const balls = (root) => {
  const material = new THREE.MeshBasicMaterial({ color: 0x1b2a41, depthTest: false, transparent: true });
  const found = [];
  root.traverse((bone) => {
    const ball = new THREE.Mesh(new THREE.SphereGeometry(0.013), material);
    if (bone.isBone) found.push(ball) && bone.getWorldPosition(ball.position);
  });
  return found;
};
const short = (camera) => {
  const copy = camera.clone();
  camera.getWorldPosition(copy.position);
  camera.getWorldQuaternion(copy.quaternion);
  copy.near = 0.05;
  copy.far = 0.6;
  copy.updateProjectionMatrix();
  copy.updateMatrixWorld(true);
  return copy;
};
window.ready = true;
</script>"""


def draw(browser: Any, node_folder: Path, path: Path, options: dict[str, Any]) -> tuple[bytes, int]:
    """A picture as PNG and the number of triangles drawn; fails on anything that the page complains about."""
    size = {"width": options["width"], "height": options["height"]}
    page = browser.new_context(viewport=size).new_page()
    page.set_default_timeout(120_000)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def answer(route: Any) -> None:
        name = route.request.url.removeprefix(_ORIGIN)
        file = path if name == "result.glb" else node_folder / name
        if name == "":
            route.fulfill(body=_PAGE, content_type="text/html")
        elif file.is_file():
            kind = "text/javascript" if file.suffix == ".js" else mimetypes.guess_type(name)[0]
            route.fulfill(body=file.read_bytes(), content_type=kind or "application/octet-stream")
        else:
            route.fulfill(status=204)

    page.route("**/*", answer)
    page.goto(_ORIGIN)
    page.wait_for_function("window.ready")
    triangles = page.evaluate("options => window.draw(options)", options)
    picture = page.screenshot()
    page.close()
    assert complaints == []
    return picture, triangles
