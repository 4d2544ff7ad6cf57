"""A plain reader and player of `.glb` after the specification, on JSON and NumPy alone."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

_TYPES = {5121: "u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_SIZES = {"SCALAR": (), "VEC2": (2,), "VEC3": (3,), "VEC4": (4,), "MAT4": (4, 4)}


class Glb:
    """A file, opened. Every transform is (4, 4) and acts on columns."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        magic, version, length = struct.unpack("<4sII", data[:12])
        assert (magic, version, length) == (b"glTF", 2, len(data))
        json_length, json_type = struct.unpack("<I4s", data[12:20])
        assert json_type == b"JSON"
        self.json: dict[str, Any] = json.loads(data[20 : 20 + json_length])
        bin_length, bin_type = struct.unpack("<I4s", data[20 + json_length : 28 + json_length])
        assert bin_type == b"BIN\0"
        self._binary = data[28 + json_length : 28 + json_length + bin_length]
        self._turns: dict[int, Slerp] = {}

    def array(self, index: int) -> np.ndarray:
        accessor = self.json["accessors"][index]
        view = self.json["bufferViews"][accessor["bufferView"]]
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        size = _SIZES[accessor["type"]]
        values = np.frombuffer(
            self._binary, _TYPES[accessor["componentType"]], accessor["count"] * int(np.prod(size)), start
        )
        values = values.reshape(accessor["count"], *size)
        return values.swapaxes(1, 2) if accessor["type"] == "MAT4" else values

    def named(self, name: str) -> int:
        (index,) = [number for number, node in enumerate(self.json["nodes"]) if node.get("name") == name]
        return index

    def worlds(self, time: float) -> list[np.ndarray]:
        """The global transform of every node at a time."""
        moved: list[dict[str, Any]] = [dict(node) for node in self.json["nodes"]]
        for animation in self.json["animations"]:
            for channel in animation["channels"]:
                target = channel["target"]
                value = self._value(animation["samplers"][channel["sampler"]], target["path"], time)
                moved[target["node"]][target["path"]] = value
        worlds: list[np.ndarray] = [np.eye(4)] * len(moved)
        pending = [(root, np.eye(4)) for root in self.json["scenes"][self.json["scene"]]["nodes"]]
        while pending:
            index, above = pending.pop()
            worlds[index] = above @ _local(moved[index])
            pending += [(child, worlds[index]) for child in moved[index].get("children", [])]
        return worlds

    def joints(self, skin: int, worlds: list[np.ndarray]) -> np.ndarray:
        return np.array([worlds[node][:3, 3] for node in self.json["skins"][skin]["joints"]])

    def skinned(self, node: int, worlds: list[np.ndarray]) -> np.ndarray:
        """The vertices (S, 3) of a skinned mesh."""
        skin = self.json["skins"][self.json["nodes"][node]["skin"]]
        inverse = self.array(skin["inverseBindMatrices"])
        bones = np.stack([worlds[joint] for joint in skin["joints"]]) @ inverse
        attributes = self.attributes(node)
        points = np.concatenate([attributes["POSITION"], np.ones((len(attributes["POSITION"]), 1))], axis=1)
        result = np.zeros((len(points), 3))
        for number in range(sum(name.startswith("JOINTS_") for name in attributes)):
            for joint, weight in zip(attributes[f"JOINTS_{number}"].T, attributes[f"WEIGHTS_{number}"].T, strict=True):
                result += weight[:, None] * np.einsum("sij,sj->si", bones[joint], points)[:, :3]
        return result

    def attributes(self, node: int) -> dict[str, np.ndarray]:
        (primitive,) = self.json["meshes"][self.json["nodes"][node]["mesh"]]["primitives"]
        return {name: self.array(index) for name, index in primitive["attributes"].items()}

    def faces(self, node: int) -> np.ndarray:
        (primitive,) = self.json["meshes"][self.json["nodes"][node]["mesh"]]["primitives"]
        return self.array(primitive["indices"]).reshape(-1, 3)

    def _value(self, sampler: dict[str, Any], path: str, time: float) -> np.ndarray:
        keys, values = self.array(sampler["input"]), self.array(sampler["output"])
        time = float(np.clip(time, keys[0], keys[-1]))
        if sampler.get("interpolation") == "STEP" or len(keys) == 1:
            return values[np.searchsorted(keys, time, "right") - 1]
        if path == "rotation":
            if sampler["output"] not in self._turns:
                self._turns[sampler["output"]] = Slerp(keys, Rotation.from_quat(values))
            return self._turns[sampler["output"]](time).as_quat()
        return np.array([np.interp(time, keys, column) for column in values.T])


def _local(node: dict[str, Any]) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_quat(node.get("rotation", (0, 0, 0, 1))).as_matrix() * node.get("scale", (1, 1, 1))
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix
