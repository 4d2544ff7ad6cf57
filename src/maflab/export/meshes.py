"""Sequences of meshes: an OBJ or PLY file a person and frame, numbered by the clip's frames.

The vertices are those of the body model in its own order, pose-dependent corrections included, in the scene's axes
(see `actors`), metres.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maflab.atomic import whole_file
from maflab.body.model import BodyModel
from maflab.export.actors import Actor, scene_actors
from maflab.export.posing import posed_blocks
from maflab.inference.recording import Recording

Writer = Callable[[Path, NDArray[np.float32]], None]
"""Writes vertices (V, 3) with the faces it knows."""


def write_obj(recording: Recording, body: BodyModel, folder: Path, stride: int = 1) -> list[Path]:
    """Write `obj/person_N/FRAME.obj` below the folder; see `_write_sequences`."""
    return _write_sequences(recording, body, folder, stride, "obj", _obj_writer)


def write_ply(recording: Recording, body: BodyModel, folder: Path, stride: int = 1) -> list[Path]:
    """Write `ply/person_N/FRAME.ply` (binary, the person's colour at every vertex); see `_write_sequences`."""
    return _write_sequences(recording, body, folder, stride, "ply", _ply_writer)


def _write_sequences(
    recording: Recording,
    body: BodyModel,
    folder: Path,
    stride: int,
    suffix: str,
    make: Callable[[Actor, NDArray[np.int64]], Writer],
) -> list[Path]:
    """Write a folder a person; numbered meshes that an earlier export left there and this one has not are removed.

    Args:
        stride: frames of the clip whose number is a multiple of it are written.

    Returns:
        The folders of the people of whom a frame is written.

    Raises:
        ExportError: there is nobody in the recording, or frames do not ascend.
        OSError: a file cannot be written.
    """
    folders = []
    for actor in scene_actors(recording, body):
        rows = np.flatnonzero(actor.frames % stride == 0)
        if not len(rows):
            continue
        target = folder / suffix / actor.name
        write = make(actor, body.faces.numpy())
        names = [f"{frame:06d}.{suffix}" for frame in actor.frames[rows]]
        number = 0
        for vertices, _ in posed_blocks(actor, body, rows):
            for points in vertices:
                with whole_file(target / names[number]) as partial:
                    write(partial, points)
                number += 1
        for left in set(target.glob(f"{'[0-9]' * 6}.{suffix}")) - {target / name for name in names}:
            left.unlink()
        folders.append(target)
    return folders


def _obj_writer(actor: Actor, faces: NDArray[np.int64]) -> Writer:
    triangles = "".join(f"f {a} {b} {c}\n" for a, b, c in (faces + 1).tolist())

    def write(path: Path, vertices: NDArray[np.float32]) -> None:
        points = ("v %.6f %.6f %.6f\n" * len(vertices)) % tuple(vertices.reshape(-1).tolist())
        path.write_text(f"o {actor.name}\n{points}{triangles}", encoding="ascii", newline="\n")

    return write


def _ply_writer(actor: Actor, faces: NDArray[np.int64]) -> Writer:
    # Source: Turk, "The PLY Polygon File Format", 1994.
    corner = np.dtype([("count", "u1"), ("index", "<i4", (3,))])
    triangles = np.empty(len(faces), corner)
    triangles["count"], triangles["index"] = 3, faces
    point = np.dtype([("place", "<f4", (3,)), ("colour", "u1", (3,))])
    colour = np.rint(np.array(actor.colour) * 255).astype(np.uint8)

    def write(path: Path, vertices: NDArray[np.float32]) -> None:
        header = (
            f"ply\nformat binary_little_endian 1.0\ncomment {actor.name}\nelement vertex {len(vertices)}\n"
            "property float x\nproperty float y\nproperty float z\n"
            "property uchar red\nproperty uchar green\nproperty uchar blue\n"
            f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
        )
        points = np.empty(len(vertices), point)
        points["place"], points["colour"] = vertices, colour
        path.write_bytes(header.encode("ascii") + points.tobytes() + triangles.tobytes())

    return write
