"""BVH: the skeleton of every person with its rest offsets, and their motion as Euler angles.

Channels: the root has Xposition Yposition Zposition (of the root joint in the scene; its OFFSET is 0), then every joint
Zrotation Xrotation Yrotation, that is R = Rz Rx Ry, degrees. Frame: y up, see `actors`.

Source: Meredith and Maddock, "Motion Capture File Formats Explained", University of Sheffield, 2001, section 3.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maflab.atomic import whole_file
from maflab.body.joints import LANDMARKS21, SMPL24
from maflab.body.model import BodyModel
from maflab.export.actors import Actor, scene_actors
from maflab.export.euler import euler_paths
from maflab.export.options import UNITS
from maflab.export.sampling import EvenMotion, sample_evenly
from maflab.inference.recording import Recording

logger = logging.getLogger(__name__)

# Where the last bones end.
_TIPS = {"left_foot": "left_big_toe", "right_foot": "right_big_toe", "left_hand": "left_middle"}
_TIPS["right_hand"] = "right_middle"


def write_bvh(recording: Recording, body: BodyModel, folder: Path, unit: str = "m") -> list[Path]:
    """Write a file a person: `person_N.bvh`, or `person_N_from_frame_K.bvh` if it starts K frames after the clip.

    A variable frame rate is resampled (see `sampling`), which the log says.

    Args:
        unit: of lengths, `m` or `cm`.

    Raises:
        ExportError: there is nobody in the recording, or frames do not ascend.
        OSError: a file cannot be written.
    """
    written = []
    for actor in scene_actors(recording, body):
        sampled = sample_evenly(actor, recording)
        if sampled.resampled:
            logger.info("%s: resampled to %.6g frames a second, as BVH has no time stamps", actor.name, sampled.rate)
        suffix = f"_from_frame_{sampled.start}" if sampled.start else ""
        path = folder / f"{actor.name}{suffix}.bvh"
        with whole_file(path) as partial, partial.open("w", encoding="ascii", newline="\n") as file:
            file.writelines(_hierarchy(actor, body, UNITS[unit]))
            file.writelines(_motion(sampled, body.parents, UNITS[unit]))
        written.append(path)
    return written


def _hierarchy(actor: Actor, body: BodyModel, scale: float) -> Iterator[str]:
    tips = _tips(actor, body)
    rest = actor.rest_joints

    def lines(joint: int, depth: int) -> Iterator[str]:
        tab, name, parent = "\t" * depth, SMPL24.names[joint], body.parents[joint]
        offset = rest[joint] - rest[parent] if parent >= 0 else np.zeros(3)
        place = "" if parent >= 0 else "Xposition Yposition Zposition "
        yield f"{tab}{'JOINT' if parent >= 0 else 'ROOT'} {name}\n{tab}{{\n"
        yield f"{tab}\tOFFSET {_numbers(offset * scale)}\n"
        yield f"{tab}\tCHANNELS {3 if parent >= 0 else 6} {place}Zrotation Xrotation Yrotation\n"
        for child in _children(joint, body.parents):
            yield from lines(child, depth + 1)
        if joint not in body.parents:
            yield f"{tab}\tEnd Site\n{tab}\t{{\n"
            yield f"{tab}\t\tOFFSET {_numbers((tips[name] - rest[joint]) * scale)}\n{tab}\t}}\n"
        yield f"{tab}}}\n"

    yield "HIERARCHY\n"
    yield from lines(0, 0)


def _children(joint: int, parents: list[int]) -> list[int]:
    return [child for child, parent in enumerate(parents) if parent == joint]


def _depth_first(joint: int, parents: list[int]) -> list[int]:
    """The order in which the hierarchy lists the joints, and so the motion their channels."""
    return [joint] + [one for child in _children(joint, parents) for one in _depth_first(child, parents)]


def _motion(sampled: EvenMotion, parents: list[int], scale: float) -> Iterator[str]:
    yield f"MOTION\nFrames: {sampled.steps}\nFrame Time: {1 / sampled.rate:.9g}\n"
    order, before = _depth_first(0, parents), None
    for rotations, positions in sampled.blocks():
        angles = euler_paths(rotations, before)
        before = angles[-1]
        for place, turns in zip(positions * scale, angles[:, order].reshape(len(angles), -1), strict=True):
            yield f"{_numbers(place)} {_numbers(turns)}\n"


def _tips(actor: Actor, body: BodyModel) -> dict[str, NDArray[np.float64]]:
    """Where the bones without a child end at rest: toes, finger tips, the top of the head."""
    marks = body.landmarks.numpy()
    tips = {joint: actor.rest_vertices[marks[LANDMARKS21.index(mark)]] for joint, mark in _TIPS.items()}
    tips["head"] = actor.rest_vertices[actor.rest_vertices[:, 1].argmax()]
    return tips


def _numbers(values: NDArray[np.float64]) -> str:
    # Adding zero turns -0 into 0.
    return " ".join(f"{value + 0.0:.6f}" for value in values.round(6))
