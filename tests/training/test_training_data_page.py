"""docs/training_data.md: every command of it draws from the packs and by the steps that it names."""

import re
import shlex
from pathlib import Path

import pytest
import torch
from protocol_packs import mesh_labels, person, write_pack

from maflab.body.model import BodyModel
from maflab.data.datamodule import PackDataModule
from maflab.training.build import build_datamodule
from maflab.training.overrides import check_config, check_overrides

from .conftest import CONF, compose_config

PAGE = (CONF.parent / "docs" / "training_data.md").read_text()
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
SETS = ("h36m", "lsp", "lspet", "mpii", "coco", "mpi_inf_3dhp", "eft_coco", "eft_mpii", "eft_lspet", "mine")
SMALL = ["data.resolution=64", "data.batch_size=10", "data.workers=0", "data.epoch_length=10", "paths.output=output"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder with the packs that the page names, of six people each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAFLAB_DATA", raising=False)
    people = [person(i, **mesh_labels(i)) for i in range(6)]
    synthetic = [f"data/packs/synthetic_anny_160/{split}.h5" for split in ("train", "val")]
    named = [f"data/packs/{name}/train.h5" for name in SETS] + ["data/packs/threedpw/val.h5", "data/packs/mine/val.h5"]
    for path in (*named, *synthetic, "a.h5", "b.h5", "c.h5"):
        write_pack(Path(path), people)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.usefixtures("here")
def test_each_command_gives_a_batch(command: str, tiny_body: BodyModel) -> None:
    python, script, *given = shlex.split(command)
    assert (python, script) == ("python", "train.py")
    config = compose_config("train", *given, *SMALL)
    check_config(config, CONF / "train.yaml")
    check_overrides(config, given)
    data = build_datamodule(config, tiny_body)
    assert isinstance(data, PackDataModule)
    data.setup("fit")  # without prepare_data, which would draw the synthetic people anew
    batch = next(iter(data.train_dataloader()))
    assert batch.image.shape == (10, 3, 64, 64)
    assert torch.isfinite(batch.image).all()
    drawn = [ratio for _, ratio in data.train_sources]
    if "data.train.wild.ratio=0.5" in given:
        assert drawn == [0.3, 0.5]
    if "data=mixed/eft" in given:
        assert drawn == [0.5, 0.3, 0.2]
    assert data.augmentation is not None
    steps = data.augmentation.appearance
    named = {name for name, step in dict(steps).items() if step is not None}
    expected = {"augmentation=colour": 3, "augmentation=[blur,compression]": 4, "augmentation=strong": 8}
    assert len(named) == next((number for override, number in expected.items() if override in given), 0)


def test_the_page_has_commands() -> None:
    assert len(COMMANDS) == 8
