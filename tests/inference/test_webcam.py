"""A camera, whose place a video file takes: OpenCV opens both alike."""

from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from maflab.inference.errors import InputError
from maflab.inference.frames import open_source
from maflab.inference.overlay_file import VideoWriter
from maflab.inference.webcam import CameraSource, FilmedSource


@pytest.fixture
def camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CameraSource:
    with VideoWriter(tmp_path / "seen.mp4", 25) as writer:
        for frame in range(6):
            writer.write(np.full((36, 64, 3), (30 * frame, 0, 200), np.uint8), frame / 25)
    capture = cv2.VideoCapture
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: capture(str(tmp_path / "seen.mp4")))
    source = open_source(0)
    assert isinstance(source, CameraSource)
    return source


def test_what_a_camera_sees_is_kept_also_when_it_is_stopped(camera: CameraSource, tmp_path: Path) -> None:
    filmed = FilmedSource(camera, tmp_path / "kept.mp4")
    seen = []
    with closing(iter(filmed)) as frames:
        for frame in frames:
            seen.append(frame)
            if len(seen) == 4:
                break
    assert [frame.index for frame in seen] == [0, 1, 2, 3]
    assert np.diff([frame.time for frame in seen]).min() > 0
    again = list(open_source(str(tmp_path / "kept.mp4")))
    assert len(again) == 4
    for frame, kept in zip(seen, again, strict=True):
        assert np.abs(frame.image.astype(int) - kept.image).mean() < 6
        assert frame.image[..., 2].mean() > 150, "RGB, not BGR"


def test_no_camera_is_named() -> None:
    with pytest.raises(InputError, match="There is no camera 93"):
        open_source(93)
