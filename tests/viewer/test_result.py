"""A result is found and understood, or the message says what is wrong with it."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from maflab.body.model import BodyModel
from maflab.inference.result_file import save_recording
from maflab.viewer.__main__ import main
from maflab.viewer.errors import ViewerError
from maflab.viewer.media import content_type, find_media
from maflab.viewer.result import open_result
from maflab.viewer.server import listening

from .clips import FRAMES, make_recording


def test_a_folder_a_file_and_json_are_the_same_result(result_folder: Path, tmp_path: Path) -> None:
    folder, file = open_result(result_folder), open_result(result_folder / "recording.npz")
    assert folder.media == file.media
    assert folder.media.kind == "video"
    assert set(file.downloads) == {"recording.npz"}
    save_recording(folder.recording, tmp_path / "recording.json")
    (tmp_path / "another.npz").write_bytes(b"no recording")
    assert open_result(tmp_path).recording.size == folder.recording.size


def test_pictures_come_in_natural_order(tmp_path: Path) -> None:
    for number in range(FRAMES):
        cv2.imwrite(str(tmp_path / f"frame {number}.png"), np.zeros((4, 4, 3), np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")
    media = find_media(str(tmp_path), FRAMES, tmp_path)
    assert [path.name for path in media.files] == [f"frame {number}.png" for number in range(FRAMES)]
    assert find_media(str(tmp_path / "frame 7.png"), 1, tmp_path).kind == "pictures"
    assert len(find_media(str(tmp_path), 5, tmp_path).files) == 5  # it was left before its end
    few = find_media(str(tmp_path), FRAMES + 1, tmp_path)
    assert few.kind == "none"
    assert f"{FRAMES} pictures now" in few.note


def test_a_source_that_has_gone_is_no_obstacle(tmp_path: Path) -> None:
    path = save_recording(make_recording("webcam 0"), tmp_path / "recording.npz")
    media = open_result(path).media
    assert media.kind == "none"
    assert "webcam 0 is not there" in media.note
    with pytest.raises(ViewerError, match=r"no video or folder of pictures .*gone.mp4"):
        open_result(path, tmp_path / "gone.mp4")


def test_a_source_beside_the_result_is_found(result_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes((result_folder.parent / "clip.mp4").read_bytes())
    path = save_recording(make_recording("/somewhere/else/clip.mp4"), tmp_path / "recording.npz")
    assert open_result(path).media.files == [tmp_path / "clip.mp4"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There is no result"),
        ({}, "holds no recording (.npz or .json)"),
        ({"a.npz": b"PK\x03\x04"}, "that can be read: "),
        ({"a.json": b"[1, 2"}, "that can be read: "),
    ],
)
def test_what_is_no_result(
    content: dict[str, bytes] | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "result"
    if content is not None:
        folder.mkdir()
        for name, data in content.items():
            (folder / name).write_bytes(data)
    assert main([str(folder), "--no-browser"]) == 1
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


def test_a_recording_without_frames_is_refused(tmp_path: Path) -> None:
    recording = make_recording("clip.mp4")
    empty = recording._replace(
        times=recording.times[:0], focal=recording.focal[:0], centre=recording.centre[:0], tracks=[]
    )
    with pytest.raises(ViewerError, match="no frames"):
        open_result(save_recording(empty, tmp_path / "recording.npz"))


def test_another_body_is_refused(result_folder: Path, tiny_body: BodyModel, tmp_path: Path) -> None:
    path = save_recording(make_recording("clip.mp4", body="anny"), tmp_path / "recording.npz")
    with pytest.raises(ViewerError, match="of the body anny, not of tiny"), listening(open_result(path), tiny_body):
        pass


def test_types_of_files() -> None:
    assert content_type(Path("a.glb")) == "model/gltf-binary"
    assert content_type(Path("a.js")) == "text/javascript"
    assert content_type(Path("a.mp4")) == "video/mp4"
    assert content_type(Path("a.unheard")) == "application/octet-stream"
