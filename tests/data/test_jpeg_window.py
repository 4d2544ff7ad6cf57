"""Parts of JPEG pictures, held against OpenCV's decoding of the whole."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from maflab.data.augment import Augmentation, GeometricAugmentation
from maflab.data.dataset import PackDataset
from maflab.data.jpeg_window import encode, window
from maflab.data.pack import PackWriter


def noise(height: int, width: int) -> NDArray[np.uint8]:
    rough = np.random.default_rng(height).integers(0, 256, (height // 4 + 2, width // 4 + 2, 3), dtype=np.uint8)
    return cv2.resize(rough, (width, height))


def encoded(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.frombuffer(encode(picture, 92), np.uint8)


@pytest.mark.parametrize(("height", "width"), [(384, 384), (379, 300), (333, 128), (50, 70), (17, 16), (8, 8)])
def test_what_was_asked_for_is_as_in_the_whole_picture(height: int, width: int) -> None:
    rng = np.random.default_rng(0)
    jpeg, size = encoded(noise(height, width)), np.array([width, height])
    whole = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    for _ in range(40):
        low = rng.uniform(-20, size)
        high = low + rng.uniform(0, size)
        part, (left, top) = window(jpeg, low, high)
        pixels = cv2.imdecode(part, cv2.IMREAD_COLOR)
        assert part.size <= jpeg.size
        x, y = np.floor(low).clip(0, size - 1).astype(int)
        u, v = np.ceil(high).clip(0, size - 1).astype(int) + 1
        assert_array_equal(pixels[y - top : v - top, x - left : u - left], whole[y:v, x:u])


def test_less_is_decoded() -> None:
    jpeg = encoded(noise(384, 384))
    part, corner = window(jpeg, (100, 100), (160, 160))
    assert corner == (64, 96)
    assert part.size < jpeg.size / 5
    flags = (cv2.IMREAD_COLOR, cv2.IMREAD_REDUCED_COLOR_2, cv2.IMREAD_REDUCED_COLOR_4, cv2.IMREAD_REDUCED_COLOR_8)
    for reduction, flag in zip((1, 2, 4, 8), flags, strict=True):
        assert cv2.imdecode(part, flag).shape == (80 // reduction, 128 // reduction, 3)


def test_an_augmented_crop_is_as_from_the_whole_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attributes = {"name": "noise", "split": "train", "licence": "CC0", "source": "noise", "body": "smpl"}
    with PackWriter(tmp_path / "a.h5", **attributes, recipe={}) as writer:
        for center in ((190, 190), (60, 300)):
            writer.append(jpeg=encode(noise(384, 379), 90), center=center, size=224)
    dataset = PackDataset(tmp_path / "a.h5", 224, Augmentation(GeometricAugmentation(shift=0.3)))
    for resolution in (224, 100):  # at 100 the decoder averages
        dataset.resolution = resolution
        parts = [dataset.sample(item % 2, 0, item).image for item in range(30)]
        with monkeypatch.context() as patch:
            patch.setattr("maflab.data.pack_reader.window", lambda jpeg, low, high: (jpeg, (0, 0)))
            wholes = [dataset.sample(item % 2, 0, item).image for item in range(30)]
        level = 1.4 / 255 / 0.22  # one of 256, at the largest gain, in deviations of ImageNet's colours
        assert max(float((a - b).abs().max()) for a, b in zip(parts, wholes, strict=True)) < 1.1 * level


def test_pictures_of_other_makers_stay_whole() -> None:
    picture = noise(96, 96)
    plain = [[], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [cv2.IMWRITE_JPEG_RST_INTERVAL, 4]]  # 4 of 6 groups
    for flags in plain:
        jpeg = cv2.imencode(".jpg", picture, flags)[1].ravel()
        part, corner = window(jpeg, (0, 0), (10, 10))
        assert part is jpeg
        assert corner == (0, 0)


def test_a_damaged_file_raises_nothing() -> None:
    """What cannot be taken apart is left to the decoder, which tells."""
    jpeg, rng = encoded(noise(96, 96)), np.random.default_rng(0)
    for length in (0, 1, 2, 20, 100, 500, len(jpeg) - 1):
        assert window(jpeg[:length], (0, 0), (10, 10))[1] == (0, 0)
    for _ in range(300):
        damaged = jpeg.copy()
        damaged[rng.integers(len(jpeg) if rng.random() < 0.5 else 640, size=3)] = rng.integers(0, 256, 3)
        window(damaged, (0, 0), (10, 10))
