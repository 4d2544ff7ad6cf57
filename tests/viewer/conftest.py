"""What demo.py leaves, made of numbers."""

from pathlib import Path

import pytest

from maflab.inference.result_file import save_recording

from .clips import make_recording, write_video


@pytest.fixture(scope="session")
def result_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What demo.py leaves: a recording and exports, and a folder beside it that is none of the page's business."""
    outside = tmp_path_factory.mktemp("viewer")
    folder = outside / "result"
    folder.mkdir()
    write_video(outside / "clip.mp4")
    save_recording(make_recording(str(outside / "clip.mp4")), folder / "recording.npz")
    (folder / "bvh").mkdir()
    (folder / "bvh" / "person 1 <b>.bvh").write_bytes(b"HIERARCHY")
    (folder / "estimates").mkdir()
    (folder / "estimates" / "0.npz").write_bytes(b"to go on with")
    (folder / "obj").mkdir()
    for frame in range(40):
        (folder / "obj" / f"{frame}.obj").write_bytes(b"")
    (folder / "people.glb").write_bytes(bytes(range(256)) * 1024)
    (folder / ".hidden.npz").write_bytes(b"hidden")
    (folder / "notes.exe").write_bytes(b"not offered")
    (outside / "secret.json").write_text('{"secret": 1}')
    (folder / "link.json").symlink_to(outside / "secret.json")
    return folder
