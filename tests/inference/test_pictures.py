"""Picture files of every kind, folders of them, and what is told where they cannot be read."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from maflab.inference.errors import InputError
from maflab.inference.frames import Frame, fitted, of_one_size, open_source
from maflab.inference.pictures import read_picture

SCENE = np.zeros((40, 60, 3), np.uint8)
SCENE[:20, :30] = (250, 10, 20)
SCENE[20:, 30:] = (10, 240, 30)
SCENE[5:10, 40:50] = (20, 30, 230)

# What EXIF's orientations store (CIPA DC-008, Orientation).
STORED = {
    1: lambda scene: scene,
    2: lambda scene: scene[:, ::-1],
    3: lambda scene: scene[::-1, ::-1],
    4: lambda scene: scene[::-1],
    5: lambda scene: scene.transpose(1, 0, 2),
    6: lambda scene: np.rot90(scene, 1),
    7: lambda scene: scene[::-1, ::-1].transpose(1, 0, 2),
    8: lambda scene: np.rot90(scene, -1),
}


@pytest.mark.parametrize("orientation", STORED)
def test_pictures_stand_upright(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(np.ascontiguousarray(STORED[orientation](SCENE))).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), SCENE)


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    alpha = np.zeros((40, 60, 1), np.uint8)
    alpha[:, :30] = 255
    Image.fromarray(np.concatenate((SCENE, alpha), 2)).save(tmp_path / "a.png")
    seen = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(seen[:, :30], SCENE[:, :30])
    assert (seen[:, 30:] == 255).all()


def test_a_palette_with_a_transparent_colour_is_read(tmp_path: Path) -> None:
    image = Image.fromarray(SCENE).quantize(8)
    image.save(tmp_path / "a.png", transparency=image.getpixel((59, 0)))
    seen = read_picture(tmp_path / "a.png")
    assert seen.shape == SCENE.shape
    assert (seen[0, 59] == 255).all()


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_grey_pictures_become_rgb(depth: type, tmp_path: Path) -> None:
    levels = np.linspace(0, np.iinfo(depth).max, 60).astype(depth)
    cv2.imwrite(str(tmp_path / "a.png"), np.tile(levels, (40, 1)))
    seen = read_picture(tmp_path / "a.png")
    assert seen.shape == (40, 60, 3)
    assert seen.dtype == np.uint8
    expected = np.linspace(0, 255, 60)
    assert np.abs(seen[0, :, 1].astype(float) - expected).max() <= 1
    assert (seen[..., 0] == seen[..., 2]).all()


def test_sixteen_bits_of_colour_keep_their_upper_half(tmp_path: Path) -> None:
    deep = SCENE[..., ::-1].astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "a.png"), deep)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), SCENE)


def test_a_folder_is_read_in_natural_order_and_other_files_are_left_aside(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"f{number}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    source = open_source(str(tmp_path), rate=10)
    frames = list(source)
    assert [frame.name for frame in frames] == ["f1.png", "f2.png", "f10.png"]
    assert [frame.time for frame in frames] == pytest.approx([0, 0.1, 0.2])
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [1, 2, 10]
    assert source.length == 3


def test_a_damaged_picture_keeps_its_place(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "0.png").write_bytes(b"")
    Image.new("RGB", (8, 6), (9, 9, 9)).save(tmp_path / "1.png")
    (tmp_path / "2.jpg").write_bytes(b"\xff\xd8 not really")
    frames = list(open_source(str(tmp_path)))
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert [int(frame.image.max()) for frame in frames] == [0, 9, 0]
    assert "0.png cannot be read as a picture (0 bytes)" in caplog.text
    assert "2.jpg cannot be read" in caplog.text


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "a.csv").write_text("1")
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "bad.png").write_bytes(b"x" * 100)
    with pytest.raises(InputError, match=r"holds no picture .* among its 1 files"):
        open_source(str(tmp_path / "others"))
    with pytest.raises(InputError, match=r"empty.mp4 is empty \(0 bytes\)"):
        open_source(str(tmp_path / "empty.mp4"))
    with pytest.raises(InputError, match=r"There is no .*nowhere.mp4"):
        open_source(str(tmp_path / "nowhere.mp4"))
    with pytest.raises(InputError, match=r"bad.png cannot be read as a picture"):
        list(open_source(str(tmp_path / "bad.png")))


def test_frames_of_another_size_are_fitted_into_the_first(caplog: pytest.LogCaptureFixture) -> None:
    def frames() -> Iterator[Frame]:
        yield Frame(0, 0.0, np.full((40, 60, 3), 7, np.uint8))
        yield Frame(1, 0.1, np.full((40, 20, 3), 9, np.uint8))
        yield Frame(2, 0.2, np.full((80, 120, 3), 11, np.uint8))

    first, tall, large = of_one_size(frames(), "clip")
    assert first.image.shape == tall.image.shape == large.image.shape
    assert (tall.image[:, 20:40] == 9).all()
    assert not tall.image[:, :20].any()
    assert (large.image == 11).all()
    assert caplog.text.count("fitted into the first's") == 1


def test_fitting_keeps_the_shape_of_things() -> None:
    disc = cv2.circle(np.zeros((100, 100, 3), np.uint8), (50, 50), 40, (255, 255, 255), -1)
    seen = fitted(disc, (300, 150))[..., 0] > 127
    assert np.ptp(np.flatnonzero(seen.any(0))) == pytest.approx(np.ptp(np.flatnonzero(seen.any(1))), abs=1)
