"""Overlay files read back: times, sizes and colours are kept, and nothing half-written has a final name."""

import os
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from maflab.inference import overlay_file
from maflab.inference.overlay_file import PictureWriter, VideoWriter

COLOUR = (200, 40, 90)


def frames(width: int, height: int, count: int) -> list[np.ndarray]:
    """Plain colour with a white bar that moves."""
    pictures = []
    for number in range(count):
        picture = np.full((height, width, 3), COLOUR, np.uint8)
        picture[4:20, 5 * number : 5 * number + 20] = 255
        pictures.append(picture)
    return pictures


def read(path: Path) -> tuple[list[float], list[np.ndarray]]:
    with av.open(str(path)) as container:
        decoded = list(container.decode(video=0))
    return [frame.time for frame in decoded], [frame.to_ndarray(format="rgb24") for frame in decoded]


@pytest.mark.parametrize("size", [(96, 64), (97, 64), (96, 65), (97, 65)])
def test_times_sizes_and_colours_are_kept(tmp_path: Path, size: tuple[int, int]) -> None:
    times = np.cumsum(np.random.default_rng(0).uniform(0.01, 0.2, 12))
    path = tmp_path / "deep" / "overlay.mp4"
    with VideoWriter(path) as writer:
        for picture, time in zip(frames(*size, 12), times, strict=True):
            writer.write(picture, time)
            assert not path.exists()
    found, pictures = read(path)
    np.testing.assert_allclose(found, times, atol=1.5e-3)  # the container's own clock has milliseconds
    np.testing.assert_allclose(np.diff(found), np.diff(times), atol=4e-5)
    assert pictures[0].shape == (size[1], size[0], 3)
    assert np.abs(pictures[7][-8:, :40].astype(int) - COLOUR).max() < 6
    assert pictures[7][8:16, 42:50].min() > 235
    assert os.listdir(path.parent) == ["overlay.mp4"]
    capture = cv2.VideoCapture(str(path))
    assert capture.read()[1].shape == pictures[0].shape


@pytest.mark.parametrize("rate", [23.976, 25.0, 30000 / 1001, 60.0])
def test_constant_rates_are_kept(tmp_path: Path, rate: float) -> None:
    with VideoWriter(tmp_path / "overlay.mp4", rate) as writer:
        for number, picture in enumerate(frames(64, 48, 10)):
            writer.write(picture, number / rate)
    with av.open(str(tmp_path / "overlay.mp4")) as container:
        assert float(container.streams.video[0].average_rate) == pytest.approx(rate, rel=1e-4)


def test_without_x264_the_video_is_mpeg4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay_file, "_ENCODERS", overlay_file._ENCODERS[-1:])
    with VideoWriter(tmp_path / "overlay.mp4") as writer:
        for number, picture in enumerate(frames(97, 65, 10)):
            writer.write(picture, number / 25)
    _, pictures = read(tmp_path / "overlay.mp4")
    assert len(pictures) == 10
    assert pictures[0].shape == (66, 98, 3)
    assert np.abs(pictures[5][-8:, :40].astype(int) - COLOUR).max() < 12


def test_frames_at_one_time_are_no_error(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "overlay.mkv") as writer:
        for picture, time in zip(frames(64, 48, 4), (0.0, 0.1, 0.1, 0.05), strict=True):
            writer.write(picture, time)
    assert len(read(tmp_path / "overlay.mkv")[1]) == 4


def test_a_failed_video_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "overlay.mp4"
    path.write_bytes(b"the old one")

    def fail() -> None:
        with VideoWriter(path) as writer:
            writer.write(frames(64, 48, 1)[0], 0.0)
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    with VideoWriter(path):
        pass  # no frame, no file
    assert os.listdir(tmp_path) == ["overlay.mp4"]
    assert path.read_bytes() == b"the old one"
    with VideoWriter(path) as writer:
        writer.write(frames(64, 48, 1)[0], 0.0)
        with pytest.raises(ValueError, match=r"has frames of \(64, 48\)"):
            writer.write(frames(66, 48, 1)[0], 0.1)
    assert len(read(path)[1]) == 1
    with pytest.raises(ValueError, match=r"ends in one of \.mp4"):
        VideoWriter(tmp_path / "overlay.txt")


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_pictures_keep_their_names(tmp_path: Path, suffix: str) -> None:
    picture = frames(33, 21, 1)[0]
    with PictureWriter(tmp_path / "out", suffix) as writer:
        writer.write(picture, 0.0, "anna é.jpeg")
        writer.write(picture, 0.1)
    assert sorted(os.listdir(tmp_path / "out")) == [f"000001{suffix}", f"anna é{suffix}"]
    content = np.fromfile(tmp_path / "out" / f"anna é{suffix}", np.uint8)
    read_back = cv2.imdecode(content, cv2.IMREAD_COLOR)[..., ::-1]
    # Away from the white bar, around which JPEG rings.
    assert np.abs(read_back[8:, 26:].astype(int) - picture[8:, 26:]).max() <= (0 if suffix == ".png" else 12)
    with pytest.raises(ValueError, match="overlay pictures end in"):
        PictureWriter(tmp_path, ".gif")
