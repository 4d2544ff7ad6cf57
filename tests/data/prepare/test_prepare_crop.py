"""Crops: labels stay on what they mark, whatever the size of the box, the format and the turn of the picture."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from maflab.data.prepare.checks import Reason, box_problem, label_problem
from maflab.data.prepare.crop import CropSettings, cut_record
from maflab.data.prepare.pictures import Picture, PictureFile, UnreadablePicture
from maflab.data.sources.person import Person

SIDE = CropSettings().side


def bump(width: int, height: int, at: tuple[float, float], spread: float) -> np.ndarray:
    """A grey picture with a bright bump whose middle is a point of it."""
    x, y = np.arange(width), np.arange(height)[:, None]
    grey = 30 + 200 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * spread**2))
    return np.repeat(grey.round().astype(np.uint8)[..., None], 3, axis=2)


def middle(picture: np.ndarray) -> np.ndarray:
    """The centroid (x, y) of the bump, by moments."""
    weight = np.maximum(picture.mean(axis=-1) - 45, 0)
    y, x = np.indices(weight.shape)
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


def person(
    at: tuple[float, float], size: float, path: Path = Path("a.png"), center: tuple[float, float] | None = None
) -> Person:
    keypoints = np.zeros((49, 3), np.float32)
    keypoints[7] = (*at, 0.5)
    return Person(path, np.array(center or at, np.float32), size, keypoints)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("size", [61.0, 225.0, 240.7, 500.3, 777.0, 1800.0])
def test_a_key_point_stays_on_what_it_marks(tmp_path: Path, size: float, suffix: str) -> None:
    at = (501.3, 352.8)
    picture = bump(1011, 803, at, spread=max(4.0, size / 25))
    path = tmp_path / f"a{suffix}"
    Image.fromarray(picture).save(path, quality=95)
    subject = person(at, size, path, center=(at[0] + size / 7, at[1] - size / 9))
    settings = CropSettings()
    record = cut_record(subject, PictureFile().read(path, settings.scale(size)), settings)
    crop = cv2.imdecode(np.frombuffer(record["jpeg"], np.uint8), 1)
    assert max(crop.shape) <= SIDE + 8  # whole pixels of the source, at an eighth
    assert np.abs(middle(crop) - record["keypoints_2d"][7, :2]).max() < 0.15
    x0, y0, scale = record["source_crop"].astype(np.float64)
    assert np.abs((np.array(at) - (x0, y0)) * scale - record["keypoints_2d"][7, :2]).max() < 1e-3
    assert np.abs((subject.center - (x0, y0)) * scale - record["center"]).max() < 1e-3
    assert record["size"] == pytest.approx(size * scale, rel=1e-5)
    assert record["source_size"].tolist() == [1011, 803]
    assert scale <= 1


def test_the_crop_holds_what_augmentation_can_ask_for() -> None:
    picture = Picture(np.zeros((1500, 1500, 3), np.uint8), 1500, 1500, 1)
    record = cut_record(person((750, 750), 600), picture, CropSettings(margin=1.77))
    crop = cv2.imdecode(np.frombuffer(record["jpeg"], np.uint8), 1)
    reach = record["size"] / 2 * 1.25 * np.sqrt(2)
    assert (record["center"] - reach > -1).all()
    assert (record["center"] + reach < crop.shape[0]).all()


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (6, 0), (3, 0), (8, 0), (1, 1), (1, 2), (1, 3), (6, 1)])
@pytest.mark.parametrize("scale", [1.0, 0.4])
def test_turned_pictures_are_read_upright(tmp_path: Path, orientation: int, turns: int, scale: float) -> None:
    upright = bump(640, 401, (150.0, 100.0), 12)
    stored = np.rot90(upright, {1: 0, 6: 1, 3: 2, 8: 3}[orientation] + turns)  # counter-clockwise, the readers undo it
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "a.jpg", exif=exif, quality=95)
    picture = PictureFile().read(tmp_path / "a.jpg", scale, turns)
    assert (picture.width, picture.height) == (640, 401)
    assert picture.reduction == (1 if scale == 1 or (orientation, turns) != (1, 0) else 2)
    at = (middle(picture.pixels) + 0.5) * picture.reduction - 0.5
    assert np.abs(at - (150, 100)).max() < 0.6


def test_a_box_that_hardly_touches_the_picture_is_still_cut_to_scale() -> None:
    picture = Picture(bump(500, 400, (470, 20), 6), 500, 400, 1)
    record = cut_record(person((470, 20), 1800, center=(1390.0, -870.0)), picture, CropSettings())
    crop = cv2.imdecode(np.frombuffer(record["jpeg"], np.uint8), 1)
    assert np.abs(middle(crop) - record["keypoints_2d"][7, :2]).max() < 0.3
    narrow = Picture(np.zeros((400, 2, 3), np.uint8), 2, 400, 1)
    assert cut_record(person((1, 200), 1800), narrow, CropSettings())["source_crop"][2] == 1


def test_what_has_no_confidence_is_stored_as_nothing() -> None:
    subject = person((30, 30), 40)
    assert subject.keypoints_2d is not None
    subject.keypoints_2d[3] = (np.nan, 5, 0)
    subject.keypoints_2d[4] = (2, 5, -1)
    joints = np.full((24, 4), np.nan, np.float32)
    joints[:, 3] = 0
    assert label_problem(subject._replace(joints_3d=joints)) is None
    picture = Picture(np.zeros((90, 90, 3), np.uint8), 90, 90, 1)
    record = cut_record(subject._replace(joints_3d=joints), picture, CropSettings())
    assert not record["keypoints_2d"][3:5].any()
    assert not record["joints_3d"].any()
    assert not record["has_joints_3d"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"size": 0.0}, Reason.NO_BOX),
        ({"size": np.nan}, Reason.NOT_FINITE),
        ({"center": np.array([np.inf, 1], np.float32)}, Reason.NOT_FINITE),
        ({"keypoints_2d": np.array([[1, np.nan, 1]] * 49, np.float32)}, Reason.NOT_FINITE),
        ({"keypoints_2d": np.array([[1, 1, np.nan]] * 49, np.float32)}, Reason.NOT_FINITE),
        ({"pose": np.full(72, np.nan, np.float32)}, Reason.NOT_FINITE),
        ({"keypoints_2d": np.zeros((49, 3), np.float32)}, Reason.NO_LABEL),
        ({"keypoints_2d": None}, Reason.NO_LABEL),
        ({"keypoints_2d": None, "pose": np.zeros(72, np.float32)}, None),
        ({"keypoints_2d": None, "joints_3d": np.ones((24, 4), np.float32)}, None),
        ({}, None),
    ],
)
def test_labels_that_cannot_be_used(change: dict[str, object], reason: Reason | None) -> None:
    assert label_problem(person((5, 5), 9)._replace(**change)) == reason


@pytest.mark.parametrize(
    ("center", "outside"),
    [
        ((50, 50), False),
        ((-49, 50), False),
        ((-51, 50), True),
        ((50, 120), False),
        ((50, 131), True),
        ((160, 90), True),
    ],
)
def test_boxes_outside_the_picture(center: tuple[float, float], outside: bool) -> None:
    picture = Picture(np.zeros((80, 100, 3), np.uint8), 100, 80, 1)
    subject = person((5, 5), 100, center=center)
    assert (box_problem(subject, picture) is Reason.OUTSIDE) == outside


def test_pictures_that_are_missing_or_damaged_say_so(tmp_path: Path) -> None:
    reader = PictureFile()
    with pytest.raises(FileNotFoundError):
        reader.read(tmp_path / "a.jpg")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)).save(tmp_path / "a.jpg")
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.png").write_text("no picture")
    for name in ("cut.jpg", "text.png"):
        with pytest.raises(UnreadablePicture):
            reader.read(tmp_path / name)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK"])
def test_pictures_of_other_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    grey = Image.fromarray(bump(64, 48, (20, 20), 6)).convert("L").convert(mode)
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    grey.save(path)
    picture = PictureFile().read(path)
    assert picture.pixels.shape == (48, 64, 3)
    assert np.abs(middle(picture.pixels) - 20).max() < 0.5


@pytest.mark.parametrize("change", [{"side": 8}, {"margin": 0.5}, {"quality": 0}])
def test_settings_that_make_no_pictures_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="crops need"):
        CropSettings(**change)  # type: ignore[arg-type]
