"""What the network sees of a frame is what it saw in training."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

from maflab.data.dataset import PackDataset
from maflab.data.pack import PackWriter
from maflab.inference.crops import crop_input, square


def picture(size: int = 256) -> np.ndarray:
    """A smooth picture with something everywhere."""
    rng = np.random.default_rng(3)
    small = rng.integers(0, 255, (size // 16, size // 16, 3), np.uint8)
    return cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC)


def levels(crop: torch.Tensor) -> np.ndarray:
    """The 8-bit levels (H, W, 3) that an input was made of."""
    mean, deviation = (torch.tensor(values)[:, None, None] for values in (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD))
    return ((crop * deviation + mean) * 255).permute(1, 2, 0).numpy()


@pytest.mark.parametrize(("resolution", "tolerance"), [(224, 0.0), (96, 3.0)])
def test_a_frame_is_cropped_as_a_pack_is(resolution: int, tolerance: float, tmp_path: Path) -> None:
    """At 224 pixels bit by bit; at 96 the pack's decoder averages in frequencies and a frame in pixels."""
    _, jpeg = cv2.imencode(".jpg", picture(), [cv2.IMWRITE_JPEG_QUALITY, 95])
    record = {"keypoints_2d": np.zeros((49, 3)), "joints_3d": np.zeros((24, 4)), "pose": np.zeros(72)}
    record |= {"betas": np.zeros(10), "has_pose": False, "has_betas": False, "has_joints_3d": False, "gender": -1}
    place = np.array([121.3, 130.8], np.float32)
    with PackWriter(
        tmp_path / "a.h5", name="a", split="val", licence="-", source="-", body="tiny", recipe={}
    ) as writer:
        writer.append(jpeg=jpeg.tobytes(), center=place, size=201.5, sequence="a", frame=0, **record)
    trained = PackDataset(tmp_path / "a.h5", resolution)[0].image
    frame = cv2.cvtColor(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    seen = crop_input(frame, np.array([*place, 201.5], np.float32), resolution)
    assert np.abs(levels(trained) - levels(seen)).mean() <= tolerance
    if not tolerance:
        assert torch.equal(trained, seen)


@pytest.mark.parametrize("side", [90.0, 200.0, 500.0, 1000.0])
def test_a_crop_of_any_size_lies_where_it_should(side: float) -> None:
    """A ramp of levels tells every crop pixel's place in the frame, whatever is averaged before."""
    columns = np.arange(1200, dtype=np.float32) / 1200 * 255
    frame = np.repeat(np.tile(columns, (1200, 1))[..., None], 3, 2).astype(np.uint8)
    frame[..., 1] = frame[..., 0].T
    crop = np.array([611.3, 583.7, side], np.float32)
    seen = levels(crop_input(frame, crop, 96))
    expected = (611.3 + side * (np.arange(96) / 95 - 0.5)) / 1200 * 255 - 0.5
    inside = slice(2, -2)
    assert np.abs(seen[48, inside, 0] - expected[inside]).max() < 1.3
    expected = (583.7 + side * (np.arange(96) / 95 - 0.5)) / 1200 * 255 - 0.5
    assert np.abs(seen[inside, 48, 1] - expected[inside]).max() < 1.3


def test_outside_the_frame_is_black() -> None:
    frame = np.full((300, 300, 3), 200, np.uint8)
    seen = levels(crop_input(frame, np.array([0.0, 150.0, 250.0], np.float32), 96))
    assert np.abs(seen[10:86, :40]).max() < 1e-3
    assert np.abs(seen[10:86, 56:] - 200).max() < 1e-3
    assert np.abs(levels(crop_input(frame, np.array([-900.0, 150.0, 250.0], np.float32), 96))).max() < 1e-3


def test_a_square_about_a_box() -> None:
    box = np.array([10, 20, 40, 120], np.float32)
    np.testing.assert_allclose(square(box, 1.2), [25, 70, 120])
