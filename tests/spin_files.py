"""Label files of SPIN's true form with pictures that agree with them: a body whose wrists are marked in colours."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from maflab.body.joints import SPIN49
from maflab.body.model import BodyModel
from maflab.geometry.cameras import project
from maflab.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle

WIDTH, HEIGHT = 640, 520
RED, GREEN = (255, 40, 40), (40, 255, 40)  # the right and the left wrist
EXTRAS = "dataset_extras"


def spin_arrays(body: BodyModel, count: int, images: Path) -> dict[str, Any]:
    """The arrays of Human3.6M's training file and openpose, has_smpl and gender besides; writes the pictures."""
    rows = [_person(body, seed) for seed in range(count)]
    names = [f"S1/S1_Walking_1.54138969/S1_Walking_1.54138969_{1 + 5 * seed:06d}.jpg" for seed in range(count)]
    for name, row in zip(names, rows, strict=True):
        (images / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(images / name), row["picture"][..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    return {
        "imgname": np.array(names),
        "center": np.array([row["center"] for row in rows]),
        "scale": np.array([row["size"] / 200 for row in rows]),
        "part": np.array([row["points"][25:] for row in rows]),
        "openpose": np.array([row["points"][:25] for row in rows]),
        "S": np.array([row["joints"] for row in rows]),
        "pose": np.array([row["pose"] for row in rows]),
        "shape": np.array([row["betas"] for row in rows]),
        "has_smpl": np.ones(count, np.uint8),
        "gender": np.array(["m", "f"] * count)[:count],
    }


def write_spin(path: Path, arrays: dict[str, Any], without: tuple[str, ...] = (), **changes: Any) -> Path:
    """A `.npz` of these arrays, less some, with others in their place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{key: value for key, value in {**arrays, **changes}.items() if key not in without})
    return path


def write_eft(path: Path, arrays: dict[str, Any]) -> Path:
    """The same people as EFT's `.json`."""
    matrices = axis_angle_to_matrix(torch.tensor(arrays["pose"]).reshape(-1, 24, 3)).double().numpy()
    entries = [
        {
            "parm_pose": matrices[i].tolist(),
            "parm_shape": arrays["shape"][i].tolist(),
            "parm_cam": [0.8, 0.01, -0.02],
            "bbox_scale": float(arrays["scale"][i]),
            "bbox_center": arrays["center"][i].tolist(),
            "joint_validity_openpose18": [True] * 18,
            "smpltype": "smpl",
            "annotId": 100 + i,
            "imageName": str(name),
        }
        for i, name in enumerate(arrays["imgname"])
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"ver": 0.1, "data": entries}))
    return path


def marked(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """The middle (2,) of what has this colour in an RGB picture."""
    close = np.abs(picture.astype(int) - colour).max(axis=-1) < 70
    assert close.any(), f"there is nothing of {colour}"
    return np.argwhere(close).mean(axis=0)[::-1]


def _person(body: BodyModel, seed: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    rotations = body.mean_rotations @ axis_angle_to_matrix(0.3 * torch.randn(24, 3, generator=generator))
    betas = torch.randn(10, generator=generator)
    joints = body.keypoints(body(rotations[None], betas[None]))
    middle = np.array([WIDTH / 2, HEIGHT / 2]) + np.random.default_rng(seed).normal(0, 10, 2)
    points = middle + 200 * project(joints, torch.tensor([[0.8, 0.0, 0.2]]))[0].numpy()
    low, high = points.min(axis=0), points.max(axis=0)
    picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    for name, colour in (("RWrist", RED), ("LWrist", GREEN)):
        x, y = points[SPIN49.index(name)] * 16
        cv2.circle(picture, (round(x), round(y)), 9 * 16, colour, -1, cv2.LINE_AA, 4)
    return {
        "picture": picture,
        "center": (low + high) / 2,
        "size": 1.2 * float((high - low).max()),
        "points": np.concatenate([points, np.ones((49, 1))], axis=1),
        "joints": np.concatenate([joints[0, 25:].numpy(), np.ones((24, 1))], axis=1),
        "pose": matrix_to_axis_angle(rotations).flatten().numpy(),
        "betas": betas.numpy(),
    }
