"""Small packs with labels that agree with each other and with their pictures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from maflab.body.joints import SPIN24, SPIN49
from maflab.body.model import BodyModel
from maflab.data.pack import PackWriter
from maflab.geometry.cameras import project
from maflab.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle

RED, GREEN = (255, 40, 40), (40, 255, 40)
ATTRIBUTES = dict(name="rectangles", split="train", licence="CC0", source="drawn", body="tiny", recipe={"seed": 0})


def draw_record(body: BodyModel, seed: int, pixels: int = 128) -> dict[str, Any]:
    """The tiny body in a random pose, as blue rectangles with a red right and a green left wrist."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    rotations = body.mean_rotations @ axis_angle_to_matrix(0.3 * normal(24, 3))
    betas = normal(10)
    camera = torch.tensor([0.75, 0.0, 0.2]) + 0.05 * normal(3)
    keypoints = body.keypoints(body(rotations[None], betas[None]))
    center = pixels / 2 + 4 * normal(2).numpy()
    size = 0.8 * pixels + 5 * float(normal(1))
    picture_points = center + size / 2 * project(keypoints, camera[None])[0].numpy()

    picture = np.zeros((pixels, pixels, 3), np.uint8)
    for corner in picture_points[::3].astype(int):
        cv2.rectangle(picture, corner.tolist(), (corner + 14).tolist(), (0, 0, 160), -1)
    for name, colour in (("RWrist", RED), ("LWrist", GREEN)):
        x, y = picture_points[SPIN49.index(name)] * 16
        cv2.circle(picture, (round(x), round(y)), 5 * 16, colour, -1, shift=4)
    jpeg = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    ones = np.ones((49, 1))
    return dict(
        jpeg=jpeg,
        center=center,
        size=size,
        keypoints_2d=np.concatenate((picture_points, ones), axis=1),
        joints_3d=np.concatenate((keypoints[0, -len(SPIN24) :].numpy() + 0.1, ones[:24]), axis=1),
        pose=matrix_to_axis_angle(rotations).flatten().numpy(),
        betas=betas.numpy(),
        has_pose=True,
        has_betas=True,
        has_joints_3d=True,
        gender=seed % 3 - 1,
        camera=camera.numpy(),
        sequence=f"walk{seed // 4}",
        frame=seed,
    )


@pytest.fixture(scope="session")
def tiny_records(tiny_body: BodyModel) -> list[dict[str, Any]]:
    """Twelve records to append; do not write into them."""
    return [draw_record(tiny_body, seed) for seed in range(12)]


@pytest.fixture(scope="session")
def tiny_pack(tmp_path_factory: pytest.TempPathFactory, tiny_records: list[dict[str, Any]]) -> Path:
    """A pack of the twelve records; do not write into it."""
    return write_pack(tmp_path_factory.mktemp("packs") / "tiny.h5", tiny_records)


@pytest.fixture
def make_pack(tmp_path: Path, tiny_records: list[dict[str, Any]]) -> Callable[..., Path]:
    """`make_pack(name, what)`: a pack of its own with given records, or so many of the twelve, repeated as needed."""

    def make(name: str, what: int | list[dict[str, Any]]) -> Path:
        records = [tiny_records[i % len(tiny_records)] for i in range(what)] if isinstance(what, int) else what
        return write_pack(tmp_path / name, records)

    return make


def write_pack(path: Path, records: list[dict[str, Any]]) -> Path:
    with PackWriter(path, **ATTRIBUTES) as writer:
        for record in records:
            writer.append(**record)
    return path
