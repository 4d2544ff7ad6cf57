"""Packs in the form that prepare.py leaves of each data set, of a few people with random labels."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from smpl_standin import VERTICES, Ch, smpl_content, write_folder

from maflab.data.pack import PackWriter

SIDE = 64


def write_bodies(folder: Path) -> dict[str, dict[str, Any]]:
    """SMPL's stand-ins of all genders below `folder/smpl`, each with its own template; returns what they hold."""
    contents = {}
    for number, gender in enumerate(("neutral", "male", "female")):
        content = smpl_content()
        stretch = 1 + 0.1 * number * np.random.default_rng(number).random((VERTICES, 3))
        content["v_template"] = Ch(content["v_template"].x * stretch)
        write_folder(folder / "smpl", content, gender=gender)
        contents[gender] = content
    return contents


def person(number: int, **labels: Any) -> dict[str, Any]:
    """A record without labels but those given: a picture of noise and its box."""
    generator = np.random.default_rng(number)
    picture = generator.integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    place = {"sequence": f"walk_{number // 3}", "frame": number}
    return {"jpeg": jpeg, "center": [30 + number, 32], "size": 50.0 + number} | place | labels


def mesh_labels(number: int) -> dict[str, Any]:
    """Pose, shape and gender; every third person's gender is not known."""
    generator = np.random.default_rng(100 + number)
    pose, betas = 0.3 * generator.normal(size=72), generator.normal(size=10)
    return {"pose": pose, "betas": betas, "has_pose": True, "has_betas": True, "gender": number % 3 - 1}


def joint_labels(number: int, far: float = 0.4) -> dict[str, Any]:
    """All 24 joints in 3D, their origin somewhere else than in the pelvis."""
    points = far * np.random.default_rng(200 + number).normal(size=(24, 3)) + 1.0
    return {"joints_3d": np.concatenate((points, np.ones((24, 1))), axis=1), "has_joints_3d": True}


def write_pack(path: Path, people: list[dict[str, Any]], body: str = "smpl") -> Path:
    """A pack of the people at `<packs>/<set>/<split>.h5`."""
    about = {"name": path.parent.name, "split": path.stem, "licence": "none", "source": "made up", "body": body}
    with PackWriter(path, **about, recipe={}) as writer:
        for one in people:
            writer.append(**one)
    return path
