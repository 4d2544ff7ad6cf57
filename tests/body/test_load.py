"""Bodies by name: the choices, the bake that happens once, and what is said when it cannot."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock

import maflab.body.anny_bake
import maflab.body.load
from maflab.body.arrays import BodyArrays, BodyFileError
from maflab.body.load import load_body


def test_tiny_needs_no_folder(tmp_path: Path) -> None:
    assert load_body("tiny", tmp_path / "nowhere").name == "tiny"
    assert not (tmp_path / "nowhere").exists()


def test_unknown_choices_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no body 'ani'; choose anny, smpl or tiny"):
        load_body("ani", tmp_path)
    with pytest.raises(ValueError, match="no gender 'mail'; choose neutral, male or female"):
        load_body("smpl", tmp_path, gender="mail")


def test_several_at_once_bake_once(tiny_arrays: BodyArrays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    baked = []

    def bake(progress: object) -> BodyArrays:
        baked.append(progress)
        return tiny_arrays

    monkeypatch.setattr(maflab.body.anny_bake, "bake", bake)
    with ThreadPoolExecutor(4) as pool:
        bodies = list(pool.map(lambda _: load_body("anny", tmp_path / "body"), range(4)))
    assert len(baked) == 1
    assert {body.num_vertices for body in bodies} == {len(tiny_arrays.template)}
    load_body("anny", tmp_path / "body")
    assert len(baked) == 1


def test_a_stuck_lock_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maflab.body.load, "_LOCK_SECONDS", 0.1)
    with FileLock(tmp_path / "anny.npz.lock"), pytest.raises(BodyFileError, match=r"delete .*anny\.npz\.lock"):
        load_body("anny", tmp_path)


def test_a_damaged_bake_is_not_replaced_silently(tmp_path: Path) -> None:
    (tmp_path / "anny.npz").write_bytes(b"half a file")
    with pytest.raises(BodyFileError, match="delete it and run again"):
        load_body("anny", tmp_path)
    assert (tmp_path / "anny.npz").read_bytes() == b"half a file"
