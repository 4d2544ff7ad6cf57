"""`python prepare.py source=...`: from a config to a pack with its summary and its sheet."""

import json
import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from omegaconf import DictConfig
from spin_files import spin_arrays, write_spin

from maflab.body.model import BodyModel
from maflab.data.pack_reader import PackReader
from maflab.data.prepare.sheet import COLUMNS, TILE
from maflab.data.sources.person import SourceError
from maflab.training import preparing
from maflab.training.errors import OverrideError
from maflab.training.overrides import check_overrides
from maflab.training.preparing import prepare

from .conftest import compose_config

COUNT = 8


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("raw")


@pytest.fixture(scope="module")
def arrays(tiny_body: BodyModel, raw: Path) -> dict[str, Any]:
    return spin_arrays(tiny_body, COUNT, raw / "images")


@pytest.fixture
def no_meshes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sheets without meshes, which take most of the time of a small set."""
    monkeypatch.setattr(preparing, "_sheet_body", lambda *_: None)


def composed(data: Path, raw: Path, labels: Path, *more: str) -> DictConfig:
    names = ["source=spin", "source.set=mine", "source.licence=CC0", "source.body=tiny", "body=tiny", "workers=1"]
    places = [f"source.labels={labels}", f"source.images={raw / 'images'}", f"paths.data={data}", "paths.output=here"]
    return compose_config("prepare", *names, *places, *more)


def summary_of(data: Path, name: str = "mine/train") -> dict[str, Any]:
    return json.loads((data / "packs" / f"{name}.summary.json").read_text())


def test_a_set_becomes_a_pack_with_summary_and_sheet(tmp_path: Path, raw: Path, arrays: dict[str, Any]) -> None:
    names = arrays["imgname"].astype("U200")
    names[2] = "gone.jpg"
    labels = write_spin(tmp_path / "a.npz", arrays, imgname=names, has_smpl=np.arange(COUNT) % 2)
    prepare(composed(tmp_path, raw, labels))
    folder = tmp_path / "packs" / "mine"
    reader = PackReader(folder / "train.h5")
    assert (len(reader), reader.attributes["licence"], reader.attributes["body"]) == (COUNT - 1, "CC0", "tiny")
    summary = summary_of(tmp_path)
    assert (summary["people_in_labels"], summary["people_in_pack"]) == (COUNT, COUNT - 1)
    gone = {"reason": "picture missing", "row": 2, "image": str(raw / "images" / "gone.jpg"), "detail": ""}
    assert summary["left_out"] == {"picture missing": {"count": 1, "examples": [gone]}}
    assert summary["people_with"]["pose"] == (np.delete(np.arange(COUNT), 2) % 2).sum()
    assert summary["people_with"]["3D joints"] == COUNT - 1
    sides = np.delete(arrays["scale"], 2) * 200
    assert summary["box_side_pixels"]["least"] == pytest.approx(sides.min(), abs=0.06)
    assert summary["box_side_pixels"]["greatest"] == pytest.approx(sides.max(), abs=0.06)
    assert "picture missing" in (folder / "train.summary.txt").read_text()
    sheet = cv2.imread(str(folder / "train.sheet.jpg"))
    assert sheet is not None
    assert sheet.shape == (2 * TILE, COLUMNS * TILE, 3)


def test_a_join_one_row_off_shows_in_the_summary(tmp_path: Path, raw: Path, arrays: dict[str, Any]) -> None:
    labels = write_spin(tmp_path / "a.npz", arrays)
    misfits = []
    for name, shift in (("right", 0), ("wrong", 1)):
        fits = {"pose": np.roll(arrays["pose"], shift, 0), "betas": np.roll(arrays["shape"], shift, 0)}
        np.savez(tmp_path / "fits.npz", **fits, valid_fit=np.ones(COUNT))
        prepare(composed(tmp_path, raw, labels, f"source.set={name}", f"source.reader.fits={tmp_path / 'fits.npz'}"))
        misfits.append(summary_of(tmp_path, f"{name}/train")["sheet_misfit"])
    assert misfits[0] < 0.005
    assert misfits[1] > 0.03


@pytest.mark.usefixtures("no_meshes")
def test_a_pack_is_made_again_only_if_something_changed(
    tmp_path: Path, raw: Path, arrays: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    labels, pack = write_spin(tmp_path / "a.npz", arrays), tmp_path / "packs" / "mine" / "train.h5"

    def remade(*more: str) -> bool:
        before = pack.stat().st_ino
        prepare(composed(tmp_path, raw, labels, *more))
        return pack.stat().st_ino != before

    prepare(composed(tmp_path, raw, labels))
    assert not remade()
    assert f"{pack} is there already, with {COUNT} people" in caplog.text
    assert remade("crops.side=128")
    assert not remade("crops.side=128")
    assert remade("limit=3")
    write_spin(labels, arrays, without=("gender",))
    assert remade("limit=3")
    pack.write_bytes(pack.read_bytes()[:1000])
    prepare(composed(tmp_path, raw, labels))
    assert len(PackReader(pack)) == COUNT


def test_a_sheet_bakes_no_body_and_does_without(
    tmp_path: Path, raw: Path, arrays: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maflab.body.load._bake_once", lambda path: pytest.fail("a body is baked"))
    labels = write_spin(tmp_path / "a.npz", arrays)
    prepare(composed(tmp_path, raw, labels, "body=anny", "source.body=smpl"))
    assert summary_of(tmp_path)["sheet_body"] is None
    prepare(composed(tmp_path, raw, labels, "body=tiny", "source.body=anny"))
    assert summary_of(tmp_path)["sheet_body"] == "tiny"


def test_a_pack_whose_sheet_was_interrupted_is_kept(
    tmp_path: Path, raw: Path, arrays: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    config = composed(tmp_path, raw, write_spin(tmp_path / "a.npz", arrays))
    monkeypatch.setattr("maflab.data.prepare.sheet.overlay_mesh", stop)
    with pytest.raises(KeyboardInterrupt):
        prepare(config)
    before = (tmp_path / "packs" / "mine" / "train.h5").stat().st_ino
    prepare(config)
    assert (tmp_path / "packs" / "mine" / "train.h5").stat().st_ino == before


@pytest.mark.usefixtures("no_meshes")
def test_a_pack_that_lacked_pictures_is_made_again(tmp_path: Path, raw: Path, arrays: dict[str, Any]) -> None:
    name = str(arrays["imgname"][3])
    content = (raw / "images" / name).read_bytes()
    labels = write_spin(tmp_path / "a.npz", arrays)
    (raw / "images" / name).unlink()
    prepare(composed(tmp_path, raw, labels))
    assert summary_of(tmp_path)["people_in_pack"] == COUNT - 1
    (raw / "images" / name).write_bytes(content)
    prepare(composed(tmp_path, raw, labels))
    assert summary_of(tmp_path)["people_in_pack"] == COUNT


@pytest.mark.usefixtures("no_meshes")
@pytest.mark.parametrize(
    ("setting", "error", "message"),
    [
        ("source.split=training", OverrideError, "source.split must be one of train, val, test"),
        ("source.set=../elsewhere", OverrideError, "name of a folder"),
        ("crops.margin=0.3", OverrideError, "crops: crops need"),
        ("source.images=nowhere", SourceError, "nowhere is no folder"),
        ("source.labels=nowhere.npz", SourceError, r"nowhere\.npz is missing"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, raw: Path, arrays: dict[str, Any], setting: str, error: type[Exception], message: str
) -> None:
    config = composed(tmp_path, raw, write_spin(tmp_path / "a.npz", arrays), setting)
    with pytest.raises(error, match=message):
        prepare(config)
    assert not (tmp_path / "packs").exists()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["crops.side=128"], "no data set on disk is prepared"),
        (["limit=3"], "no data set on disk is prepared"),
        (["source=h36m", "data=tiny"], "source=... makes a pack alone"),
        (["source=h36m", "import=a.pt"], "source=... makes a pack alone"),
    ],
)
def test_settings_that_would_do_nothing_are_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(OverrideError, match=message):
        check_overrides(compose_config("prepare", *overrides), overrides)
