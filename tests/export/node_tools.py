"""Khronos' validator and three.js, under Node: installed once into pytest's cache, or a stated skip."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

PACKAGES = ("gltf-validator@2.0.0-dev.3.10", "three@0.187.0")

_VALIDATE = """
import { readFileSync } from "fs";
import validator from "gltf-validator";
const report = await validator.validateBytes(new Uint8Array(readFileSync(process.argv[2])));
console.log(JSON.stringify(report));
"""

# Plays the file's one animation and gives, for every skinned mesh and time, joints and every n-th vertex.
_PLAY = """
import { readFileSync } from "fs";
import * as THREE from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
const [path, times, every] = [process.argv[2], JSON.parse(process.argv[3]), Number(process.argv[4])];
const file = readFileSync(path);
const data = file.buffer.slice(file.byteOffset, file.byteOffset + file.length);
const gltf = await new GLTFLoader().parseAsync(data, "");
const mixer = new THREE.AnimationMixer(gltf.scene);
const action = mixer.clipAction(gltf.animations[0]);
action.setLoop(THREE.LoopOnce);
action.clampWhenFinished = true;
action.play();
const meshes = [];
gltf.scene.traverse((object) => { if (object.isSkinnedMesh) meshes.push(object); });
const result = {};
for (const mesh of meshes) result[mesh.name] = { joints: [], vertices: [] };
for (const time of times) {
  mixer.setTime(time);
  gltf.scene.updateMatrixWorld(true);
  for (const mesh of meshes) {
    const place = (vector) => [vector.x, vector.y, vector.z];
    result[mesh.name].joints.push(mesh.skeleton.bones.map((b) => place(b.getWorldPosition(new THREE.Vector3()))));
    const vertices = [];
    for (let index = 0; index < mesh.geometry.attributes.position.count; index += every)
      vertices.push(place(mesh.getVertexPosition(index, new THREE.Vector3()).applyMatrix4(mesh.matrixWorld)));
    result[mesh.name].vertices.push(vertices);
  }
}
console.log(JSON.stringify(result));
"""


def install(folder: Path) -> Path:
    """A folder with the packages and our scripts; skips the test, saying why, where they cannot be had."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("no node and npm on this machine")
    wanted = " ".join(PACKAGES)
    mark = folder / "installed.txt"
    if not mark.is_file() or mark.read_text() != wanted:
        command = ["npm", "install", "--no-fund", "--no-audit", "--ignore-scripts", *PACKAGES]
        (folder / "package.json").write_text('{"private": true, "type": "module"}')
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"npm could not install {wanted}: {error}")
        mark.write_text(wanted)
    (folder / "validate.mjs").write_text(_VALIDATE)
    (folder / "play.mjs").write_text(_PLAY)
    return folder


def validate(folder: Path, path: Path) -> dict[str, Any]:
    """The validator's report on a file."""
    return _run(folder, "validate.mjs", str(path))


def play(folder: Path, path: Path, times: list[float], every: int) -> dict[str, Any]:
    """What three.js makes of a file's skinned meshes at the times."""
    return _run(folder, "play.mjs", str(path), json.dumps(times), str(every))


def _run(folder: Path, script: str, *arguments: str) -> dict[str, Any]:
    ended = subprocess.run(
        ["node", script, *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)
