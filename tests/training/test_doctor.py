"""`python prepare.py doctor`: every asset is looked for where it belongs, and what is there is found."""

import subprocess
import sys
from pathlib import Path

import pytest

from maflab.body import smpl_file
from maflab.data.pack import PackWriter
from maflab.training.doctor import DAMAGED, FOUND, MISSING, READY, Finding, examine, print_findings

from .conftest import CONF


def findings(data: Path) -> dict[str, Finding]:
    found = examine(CONF, [f"paths.data={data}"])
    assert len({finding.name for finding in found}) == len(found)
    return {finding.name: finding for finding in found}


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finding]:
    """Of a folder with nothing in it."""
    return findings(tmp_path_factory.mktemp("nothing"))


def test_with_nothing_there_all_is_missing_but_what_comes_with_the_suite(nothing: dict[str, Finding]) -> None:
    for finding in nothing.values():
        if not finding.source.startswith("comes with the suite"):
            assert finding.state == MISSING, finding
        assert finding.licence, finding
        assert finding.without, finding
        assert "nothing" in finding.place or "maflab" in finding.place
    assert nothing["pyramid of synthetic people"].state == FOUND


def test_every_preset_of_a_set_is_listed(nothing: dict[str, Finding]) -> None:
    anybodys = {"none", "spin", "own", "camerahmr", "fourdhumans", "fourdhumans_tars"}
    presets = {path.stem for path in (CONF / "source").glob("*.yaml")}
    assert {f"source={preset}" for preset in presets - anybodys} <= set(nothing)


def test_smpl_is_looked_for_under_the_names_that_its_reader_knows(tmp_path: Path, nothing: dict[str, Finding]) -> None:
    for gender, names in smpl_file._NAMES.items():
        for name in names:
            assert name in nothing[f"SMPL, {gender}"].place
    (tmp_path / "body" / "smpl").mkdir(parents=True)
    (tmp_path / "body" / "smpl" / smpl_file._NAMES["female"][2]).touch()
    found = findings(tmp_path)
    assert [found[f"SMPL, {gender}"].state for gender in smpl_file._NAMES] == [MISSING, MISSING, FOUND]


def test_a_set_goes_from_missing_over_ready_to_found(tmp_path: Path) -> None:
    labels = tmp_path / "raw" / "dataset_extras" / "mpii_train.npz"
    labels.parent.mkdir(parents=True)
    labels.touch()
    half = findings(tmp_path)["source=mpii"]
    assert half.state == MISSING
    assert f"labels {labels}: {FOUND}" in half.place
    (tmp_path / "raw" / "mpii" / "images").mkdir(parents=True)
    assert findings(tmp_path)["source=mpii"].state == READY
    pack = tmp_path / "packs" / "mpii" / "train.h5"
    with PackWriter(pack, "mpii", "train", "x", "x", "smpl", {}) as writer:
        for _ in range(3):
            writer.append(jpeg=b"\xff\xd8", center=(1, 1), size=1)
    assert findings(tmp_path)["source=mpii"].state == "found, 3 people"
    pack.write_bytes(pack.read_bytes()[:100])
    assert findings(tmp_path)["source=mpii"].state == DAMAGED


def test_packs_of_ones_own_are_listed_too(tmp_path: Path) -> None:
    with PackWriter(tmp_path / "packs" / "mine" / "val.h5", "mine", "val", "x", "x", "smpl", {}) as writer:
        writer.append(jpeg=b"\xff\xd8", center=(1, 1), size=1)
    assert findings(tmp_path)["mine val"].state == "found, 1 people"


def test_the_table_shows_each(nothing: dict[str, Finding], capsys: pytest.CaptureFixture[str]) -> None:
    print_findings(list(nothing.values()))
    printed = capsys.readouterr().out
    for name in nothing:
        assert name in printed
    assert "atlas: 0 of 1 found" in printed


@pytest.mark.slow
def test_the_command_line(tmp_path: Path) -> None:
    command = [sys.executable, str(CONF.parent / "prepare.py"), "doctor"]
    done = subprocess.run([*command, "paths.data=here"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "here/body/anny.npz" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == []
    wrong = subprocess.run([*command, "pathz.data=x"], capture_output=True, text=True, cwd=tmp_path)
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("maflab: There is no setting pathz.data")
