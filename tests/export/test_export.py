"""All formats at once, by the function and by the command; what cannot be written is one clear error."""

import errno
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from maflab.body.arrays import BodyArrays
from maflab.body.model import BodyModel
from maflab.export import FORMATS, ExportError, ExportOptions, export_recording
from maflab.export.__main__ import main
from maflab.export.glb_buffer import GlbBuffer
from maflab.inference.result_file import load_recording, save_recording

from .clips import clip

ALL = ["npz", "json", "glb", "bvh", "obj", "ply", "usd"]


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_every_format_is_written_and_nothing_else(tiny_body: BodyModel, tmp_path: Path) -> None:
    assert set(ALL) == set(FORMATS)
    pytest.importorskip("pxr", reason="usd-core is not installed")
    folder = tmp_path / "new" / "folder"
    written = export_recording(clip(), tiny_body, folder, ALL, ExportOptions(stride=6))
    assert {path.relative_to(folder).as_posix() for path in written} == {
        "result.npz", "result.json", "result.glb", "result.usdc", "bvh/person_3.bvh", "bvh/person_8_from_frame_4.bvh",
        "obj/person_3", "obj/person_8", "ply/person_3", "ply/person_8",
    }  # fmt: skip
    meshes = ["person_3/000000", "person_3/000006", "person_8/000006"]
    assert files_below(folder) == {
        *(path.relative_to(folder).as_posix() for path in written if path.is_file()),
        *(f"{suffix}/{mesh}.{suffix}" for suffix in ("obj", "ply") for mesh in meshes),
    }


def test_npz_and_json_are_recordings(tiny_body: BodyModel, tmp_path: Path) -> None:
    recording = clip(path=True)
    for path in export_recording(recording, tiny_body, tmp_path, ["npz", "json"]):
        back = load_recording(path)
        np.testing.assert_array_equal(back.tracks[1].translation, recording.tracks[1].translation)
        np.testing.assert_array_equal(back.times, recording.times)


def test_wrong_wishes_are_refused_before_anything_is_written(tiny_body: BodyModel, tmp_path: Path) -> None:
    folder = tmp_path / "out"

    def refused(message: str, *, formats: list[str], options: ExportOptions | None = None, body: str = "tiny") -> None:
        with pytest.raises(ExportError, match=message):
            export_recording(clip(body), tiny_body, folder, formats, options)

    refused("no export format 'gltf'; did you mean glb?", formats=["npz", "gltf"])
    refused("no export format 'BHV'; did you mean bvh?", formats=["BHV"])
    refused("no export format 'zzzz'; there are npz, json, glb", formats=["zzzz"])
    refused("stride of mesh sequences must be 1 or more, it is 0", formats=["obj"], options=ExportOptions(stride=0))
    refused("is m or cm, not 'inch'", formats=["bvh"], options=ExportOptions(bvh_unit="inch"))
    refused(r"made with the body anny \(neutral\), not with tiny", formats=["glb"], body="anny")
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_is_one_error(tiny_body: BodyModel, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ExportError, match=r"cannot write into the folder .*file/below: Not a directory"):
        export_recording(clip(), tiny_body, tmp_path / "file" / "below", ["glb"])
    with pytest.raises(ExportError, match="cannot write into the folder /proc/maflab"):
        export_recording(clip(), tiny_body, "/proc/maflab", ["glb"])


def test_a_full_disk_leaves_the_old_file_and_no_half_one(
    tiny_body: BodyModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_recording(clip(), tiny_body, tmp_path, ["glb"])
    before = (tmp_path / "result.glb").read_bytes()

    def full(_buffer: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(GlbBuffer, "save", full)
    with pytest.raises(ExportError, match=r"cannot write glb into .*: No space left on device"):
        export_recording(clip(variable=True), tiny_body, tmp_path, ["glb"])
    assert (tmp_path / "result.glb").read_bytes() == before
    assert files_below(tmp_path) == {"result.glb"}


def test_nobody_there(tiny_body: BodyModel, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recording = clip()
    empty = recording.tracks[1]
    empty = empty._replace(**{n: v[:0] for n, v in empty._asdict().items() if isinstance(v, np.ndarray)})
    nobody = recording._replace(tracks=[empty])
    written = export_recording(nobody, tiny_body, tmp_path / "nobody", ["npz", "glb", "obj"])
    assert [path.name for path in written] == ["result.npz"]
    assert "there is nobody in my clip é.mp4, so there is no glb" in caplog.text
    one = recording._replace(tracks=[recording.tracks[0], empty])
    assert [p.name for p in export_recording(one, tiny_body, tmp_path / "one", ["bvh"])] == ["person_3.bvh"]
    assert "track 1 (person 8) has no frames and is left out" in caplog.text


def test_motion_that_is_not_finite_is_refused(tiny_body: BodyModel, tmp_path: Path) -> None:
    recording = clip()
    recording.tracks[1].translation[2, 0] = np.nan
    with pytest.raises(ExportError, match="motion of person_8 has numbers that are not finite"):
        export_recording(recording, tiny_body, tmp_path, ["glb"])
    assert files_below(tmp_path) == set()


def test_a_body_on_another_device_is_brought_back(tiny_arrays: BodyArrays, tmp_path: Path) -> None:
    elsewhere = BodyModel(tiny_arrays).to("meta")
    (far,) = export_recording(clip(), elsewhere, tmp_path / "far", ["glb"])
    (near,) = export_recording(clip(), BodyModel(tiny_arrays), tmp_path / "near", ["glb"])
    assert far.read_bytes() == near.read_bytes()


def test_tracks_of_one_identity_have_names_of_their_own(tiny_body: BodyModel, tmp_path: Path) -> None:
    recording = clip()
    twice = recording._replace(tracks=[recording.tracks[0], recording.tracks[1]._replace(identity=3)])
    names = [path.name for path in export_recording(twice, tiny_body, tmp_path, ["bvh"])]
    assert names == ["person_3.bvh", "person_3_2_from_frame_4.bvh"]


def test_the_command_writes_a_result_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = save_recording(clip(), tmp_path / "run" / "result.npz")
    assert main([str(path), "--formats", "glb", "bvh", "--bvh-unit", "cm"]) == 0
    printed = capsys.readouterr().out.split()
    assert [Path(line).name for line in printed] == ["result.glb", "person_3.bvh", "person_8_from_frame_4.bvh"]
    assert all(Path(line).is_file() for line in printed)
    assert main([str(path), "--formats", "obj", "--stride", "6", "--output", str(tmp_path / "elsewhere")]) == 0
    assert (tmp_path / "elsewhere" / "obj" / "person_3" / "000006.obj").is_file()


def test_the_commands_errors_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = tmp_path / "result.npz"
    damaged.write_bytes(b"PK\3\4 half")
    nobody = save_recording(clip()._replace(tracks=[]), tmp_path / "nobody.npz")
    for arguments, message in (
        ([str(tmp_path / "no.npz"), "--formats", "glb"], "there is no result"),
        ([str(damaged), "--formats", "glb"], "damaged or of another kind"),
        ([str(damaged), "--formats", "glbb"], "did you mean glb?"),
        ([str(nobody), "--formats", "glb"], "there is nobody in"),
    ):
        assert main(arguments) == 1
        error = capsys.readouterr().err
        assert error.startswith("maflab: ")
        assert message in error
        assert error.count("\n") == 1


@pytest.mark.slow
def test_the_command_as_it_is_typed(tmp_path: Path) -> None:
    path = save_recording(clip(), tmp_path / "result.json")
    command = [sys.executable, "-m", "maflab.export", str(path), "--formats", "glb"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stdout.strip()) == (0, str(tmp_path / "result.glb"))
