"""The presets of data=mixed: published shares, validation on no test set, and packs that prepare.py can make."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf
from protocol_packs import mesh_labels, person, write_pack

from maflab.body.model import BodyModel
from maflab.data.datamodule import PackDataModule
from maflab.data.pack import PackError
from maflab.training.build import build_datamodule
from maflab.training.overrides import check_config
from maflab.training.packs import check_packs
from maflab.training.run import train

from .conftest import CONF, compose_config

PRESETS = sorted(path.stem for path in (CONF / "data" / "mixed").glob("*.yaml"))


def mixed(preset: str, data: Path, *overrides: str) -> Any:
    config = compose_config("train", f"data={preset}", f"paths.data={data}", "paths.output=x", *overrides)
    check_config(config, CONF / "train.yaml")
    return config


def test_the_presets_are_these() -> None:
    assert PRESETS == ["bedlam", "eft", "h36m", "pymaf", "spin"]


@pytest.mark.parametrize(
    ("preset", "shares"),
    [
        ("mixed", {"h36m": 0.3, "wild": 0.6, "mpi_inf_3dhp": 0.1}),
        ("mixed/spin", {"h36m": 0.3, "wild": 0.6, "mpi_inf_3dhp": 0.1}),
        ("mixed/pymaf", {"h36m": 0.5, "wild": 0.3, "mpi_inf_3dhp": 0.2}),
        ("mixed/eft", {"h36m": 0.5, "wild": 0.3, "mpi_inf_3dhp": 0.2}),
        ("mixed/h36m", {"h36m": None}),
        ("mixed/bedlam", {"rendered": None}),
    ],
)
def test_shares(preset: str, shares: dict[str, float | None], tmp_path: Path) -> None:
    train = OmegaConf.to_container(mixed(preset, tmp_path).data.train, resolve=True)
    assert {name: entry.get("ratio") for name, entry in train.items()} == shares


@pytest.mark.parametrize("preset", PRESETS)
def test_missing_packs_come_with_the_command_that_makes_each(preset: str, tiny_body: BodyModel, tmp_path: Path) -> None:
    data = build_datamodule(mixed(f"mixed/{preset}", tmp_path), tiny_body)
    assert isinstance(data, PackDataModule)
    assert Path(data.val).stem == "val"
    paths = [Path(path) for group, _ in data.train_sources for path in group] + [Path(data.val)]
    with pytest.raises(PackError, match=f"{len(paths)} of {len(paths)} packs are missing") as caught:
        data.setup("fit")
    commands = [part.split("`")[0] for part in str(caught.value).split("source=")[1:]]
    assert len(commands) == len(paths)
    for source, path in zip(commands, paths, strict=True):
        made = OmegaConf.load(CONF / "source" / f"{source}.yaml")
        assert tmp_path / "packs" / made.set / f"{made.split}.h5" == path


def test_a_missing_test_pack_is_told_before_training_not_after(tmp_path: Path, tiny_body: BodyModel) -> None:
    for path in ("h36m/train", "threedpw/val"):
        write_pack(tmp_path / f"packs/{path}.h5", [person(0, **mesh_labels(0))], body="tiny")
    config = mixed("mixed/h36m", tmp_path, "body=tiny", "data.protocol=null")
    with pytest.raises(PackError, match=r"1 of 3 .*threedpw/test\.h5.*`python prepare\.py source=threedpw` \(docs"):
        train(config)
    check_packs(build_datamodule(config, tiny_body), "train", "val")


def test_any_other_mixture_by_setting(tiny_body: BodyModel, tmp_path: Path) -> None:
    changes = ["data.train.wild.ratio=0.5", "data.train.mpi_inf_3dhp=null", "+data.train.mine={path: m.h5, ratio: 0.2}"]
    data = build_datamodule(mixed("mixed", tmp_path, *changes), tiny_body)
    assert [ratio for _, ratio in data.train_sources] == [0.3, 0.5, 0.2]
    assert data.train_sources[2][0] == ["m.h5"]
