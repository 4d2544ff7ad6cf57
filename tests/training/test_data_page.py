"""docs/data.md: its commands are run on small sets of the true forms, and its table is what the presets say."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf
from spin_files import spin_arrays, write_eft, write_spin

from maflab.body.model import BodyModel
from maflab.data.pack_reader import PackReader
from maflab.data.prepare.checks import Reason
from maflab.training.doctor import doctor
from maflab.training.overrides import check_config, check_overrides
from maflab.training.preparing import prepare
from maflab.training.run import train

from .conftest import CONF, SMALL_ENCODER, SMALL_LOOP, compose_config

PAGE = (CONF.parent / "docs" / "data.md").read_text()
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
ROWS = re.findall(r"^\| `(\w+)` \| `(\S+)` \| `(\S+)` \| `(\S+)` \|$", PAGE, re.MULTILINE)
# Its training command at a scale of seconds.
SMALL_TRAIN = ["body=tiny", "data.resolution=64", "data.batch_size=4", "data.eval_batch_size=4", "data.workers=0"]
STEPS = ["trainer.max_steps=1", "callbacks.panel=null", "trainer.limit_val_batches=1", "trainer.limit_test_batches=1"]


@pytest.fixture(scope="module")
def arrays(tiny_body: BodyModel, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    images = tmp_path_factory.mktemp("images")
    return spin_arrays(tiny_body, 6, images), images


@pytest.fixture
def here(arrays: tuple[dict[str, Any], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with small sets in the places that the page and the presets name."""
    people, images = arrays
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAFLAB_DATA", raising=False)
    for preset, labels, pictures, _ in ROWS:
        place = tmp_path / "data" / "raw" / pictures
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            place.symlink_to(images)
        path = tmp_path / "data" / "raw" / labels
        if preset.startswith("eft"):
            write_eft(path, people)
        else:
            write_spin(path, people)
    (tmp_path / "pictures").symlink_to(images)
    write_spin(tmp_path / "mine.npz", people)
    np.savez(tmp_path / "fits.npz", pose=people["pose"], betas=people["shape"], valid_fit=np.ones(6))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "coco").symlink_to(images)
    write_spin(tmp_path / "elsewhere" / "coco_2014_train.npz", people)
    return tmp_path


def run(command: str) -> Path | None:
    """Runs a command of the page in this process, on the tiny body; gives the pack that it made."""
    python, script, *given = shlex.split(command)
    assert (python, (CONF.parent / script).is_file()) == ("python", True)
    root = Path(script).stem
    if given == ["doctor"]:
        doctor(CONF, [])
        return None
    small = ["body=tiny"] if root == "prepare" else [*SMALL_TRAIN, *STEPS, *SMALL_ENCODER, *SMALL_LOOP]
    smaller = {setting.partition("=")[0] for setting in small}
    given = [setting for setting in given if setting.partition("=")[0] not in smaller]
    config = compose_config(root, *given, *small, "paths.output=output")
    check_config(config, CONF / f"{root}.yaml")
    check_overrides(config, given)
    if root == "train":
        assert train(config)["step"] == 1
        return None
    prepare(config)
    return Path(config.paths.packs) / config.source.set / f"{config.source.split}.h5"


@pytest.mark.slow
def test_every_command_of_the_page_does_what_it_says(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(COMMANDS) >= 9
    for command in COMMANDS:
        pack = run(command)
        if pack is not None:
            assert len(PackReader(pack)) == 6, command
            for name in ("summary.json", "summary.txt", "sheet.jpg"):
                assert pack.with_name(f"{pack.stem}.{name}").is_file()
    assert "source=h36m" in capsys.readouterr().out


@pytest.mark.parametrize(
    "preset",
    [name if name in ("h36m", "eft_coco") else pytest.param(name, marks=pytest.mark.slow) for name, *_ in ROWS],
)
def test_every_preset_of_the_table_makes_its_pack(here: Path, preset: str) -> None:
    pack = run(f"python prepare.py source={preset}")
    assert pack == Path("data/packs") / next(row[3] for row in ROWS if row[0] == preset)
    summary = json.loads(pack.with_name(f"{pack.stem}.summary.json").read_text())
    assert (summary["people_in_pack"], summary["left_out"]) == (6, {})
    assert summary["people_with"]["pose"] == 6


def test_the_table_says_what_the_presets_say() -> None:
    read = {}
    for path in (CONF / "source").glob("*.yaml"):
        source = OmegaConf.load(path)
        target = source.get("reader", {}).get("_target_", "")
        if target.endswith(("SpinLabels", "Eft")) and not OmegaConf.is_missing(source, "set"):
            source = OmegaConf.create({"paths": {"raw": "raw"}, "source": source}).source
            places = [source.labels.removeprefix("raw/"), source.images.removeprefix("raw/")]
            read[path.stem] = (*places, f"{source.set}/{source.split}.h5")
    assert {preset: tuple(places) for preset, *places in ROWS} == read


def test_the_page_names_every_preset_and_every_reason() -> None:
    for path in (CONF / "source").glob("*.yaml"):
        stem = path.stem
        for suffix in ("_train", "_val", "_test"):
            stem = stem.removesuffix(suffix)
        assert stem == "none" or f"`{stem}`" in PAGE or f"source={stem}" in PAGE, path.stem
    for reason in Reason:
        assert reason in PAGE, reason
