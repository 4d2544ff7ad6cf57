"""Every file in conf/ composes, is free of keys that nothing reads, and makes what it names."""

import functools
from importlib.util import find_spec
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf, open_dict

from maflab.body.arrays import BodyFileError
from maflab.body.model import BodyModel
from maflab.data.prepare.labelled_set import SPLITS
from maflab.data.protocol import PROTOCOLS
from maflab.data.sources.person import SourceError
from maflab.training.build import (
    build_body,
    build_callbacks,
    build_datamodule,
    build_logger,
    build_model,
    build_source,
    build_trainer,
    read_source,
)
from maflab.training.errors import DeviceError, OverrideError
from maflab.training.logging import RunInfo
from maflab.training.overrides import check_config

from .conftest import CONF, SMALL_ENCODER, SMALL_LOOP, compose_config

ROOTS = ("train", "evaluate", "prepare", "demo")
OVERLAYS = ("experiment", "debug", "sweep")
DEMO_GROUPS = ("camera", "detector", "motion", "overlay")
FILES = sorted(path.relative_to(CONF).with_suffix("") for path in CONF.rglob("*.yaml"))
OPTIONAL = [] if find_spec("optuna") else [Path("sweep/optuna")]  # needs an extra
OPTIONS = [path for path in FILES if len(path.parts) > 1 and path.parts[0] != "hydra" and path not in OPTIONAL]


def test_roots_are_all_known() -> None:
    assert {path.name for path in FILES if len(path.parts) == 1} >= set(ROOTS)


@pytest.mark.parametrize("path", OPTIONS, ids=str)
def test_every_option_composes_without_unread_keys(path: Path) -> None:
    group, option = path.parts[0], "/".join(path.parts[1:])
    root = "evaluate" if path.name == "evaluate" or group == "fit" else "prepare" if group == "source" else "train"
    root = "demo" if group in DEMO_GROUPS else root
    overlay = "+" if group in OVERLAYS else ""
    named = [f"source.{key}=x" for key in ("set", "labels", "images", "licence")]
    given = named if group == "source" and option != "none" else []
    config = compose_config(root, f"{overlay}{group}={option}", "paths.output=here", *given)
    check_config(config, CONF / f"{root}.yaml")
    OmegaConf.to_container(config, resolve=True)


@pytest.mark.parametrize("root", ROOTS)
def test_every_root_composes(root: str) -> None:
    given = {"evaluate": ["checkpoint=x"], "demo": ["input=x"]}.get(root, [])
    config = compose_config(root, "paths.output=here", *given)
    check_config(config, CONF / f"{root}.yaml")
    OmegaConf.to_container(config, resolve=True, throw_on_missing=True)


@pytest.mark.parametrize("path", [p for p in OPTIONS if p.parts[0] in ("experiment", "debug")], ids=str)
def test_overlays_are_global_and_change_something(path: Path) -> None:
    """Without the package line Hydra nests an experiment under its own name and nothing changes."""
    group, option = path.parts[0], "/".join(path.parts[1:])
    assert (CONF / path).with_suffix(".yaml").read_text().splitlines()[0] == "# @package _global_"
    plain, overlaid = compose_config("train"), compose_config("train", f"+{group}={option}")
    assert plain != overlaid
    assert overlaid.name != plain.name


def test_nested_experiment_is_caught() -> None:
    config = compose_config("train", "paths.output=here")
    with open_dict(config):
        config.experiment = {"maf": {"iterations": 5}}
    with pytest.raises(OverrideError, match="# @package _global_"):
        check_config(config, CONF / "train.yaml")


def _options(group: str) -> list[str]:
    return ["/".join(path.parts[1:]) for path in OPTIONS if path.parts[0] == group]


def _model(config: DictConfig, body: BodyModel) -> pl.LightningModule:
    return build_model(config, body)


@pytest.mark.parametrize("encoder", _options("encoder"))
def test_encoders_instantiate(encoder: str, tiny_body: BodyModel) -> None:
    config = compose_config("train", f"encoder={encoder}", "encoder.weights=none", *SMALL_LOOP)
    model = _model(config, tiny_body)
    maps = model.pyramid(torch.zeros(1, 3, 64, 64)).maps
    assert [m.shape[1] for m in maps] == [config.encoder.channels] * config.encoder.levels


@pytest.mark.parametrize("group", ["maf", "aux_head", "loss", "optimizer", "scheduler"])
def test_parts_instantiate(group: str, tiny_body: BodyModel) -> None:
    for option in _options(group):
        # Without a loop, maf has no settings and the loss is the dense one.
        extra = ["loss=dense"] if (group, option) == ("maf", "none") else SMALL_LOOP
        model = _model(compose_config("train", f"{group}={option}", *extra, *SMALL_ENCODER), tiny_body)
        assert sum(p.numel() for p in model.parameters()) > 0
        if group in ("optimizer", "scheduler"):
            optimizer = model.optimizer(model.parameters())
            if model.scheduler is not None:
                scheduler = model.scheduler(optimizer, total_steps=100)
                optimizer.step()
                scheduler.step()


@pytest.mark.parametrize("body", _options("body"))
def test_bodies_are_made_or_missed_clearly(body: str, tmp_path: Path) -> None:
    config = compose_config("train", f"body={body}", f"paths.data={tmp_path}")
    if body == "tiny":
        assert build_body(config).name == "tiny"
    elif body == "smpl":
        with pytest.raises(BodyFileError, match=str(tmp_path)):
            build_body(config)


@pytest.mark.parametrize("data", _options("data"))
def test_data_sets_instantiate_without_making_anything(data: str, tiny_body: BodyModel, tmp_path: Path) -> None:
    config = compose_config("train", f"data={data}", "body=tiny", f"paths.data={tmp_path}")
    datamodule = build_datamodule(config, tiny_body)
    assert isinstance(datamodule.prepare, functools.partial) == (config.data.prepare is not None)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_protocols_have_data_and_a_source_of_their_packs(protocol: str, tiny_body: BodyModel, tmp_path: Path) -> None:
    """`prepare.py source=...` of the message makes the very pack that is missing."""
    config = compose_config("evaluate", f"data={protocol}", "checkpoint=x", f"paths.data={tmp_path}", "paths.output=x")
    data = build_datamodule(config, tiny_body)
    assert data.protocol.name == PROTOCOLS[protocol].name
    assert not data.protocol.adapted
    for split, pack in (("val", data.val), ("test", data.test)):
        command, _, source = data.made_by[split].rpartition("source=")
        assert command == "python prepare.py "
        made = compose_config("prepare", f"source={source}", "paths.output=x").source
        assert Path(pack) == tmp_path / "packs" / made.set / f"{made.split}.h5"


@pytest.mark.parametrize("trainer", _options("trainer"))
def test_trainers_instantiate_or_name_the_missing_device(trainer: str, tmp_path: Path) -> None:
    config = compose_config("train", f"trainer={trainer}", f"paths.output={tmp_path}")
    if config.trainer.accelerator == "gpu" and not torch.cuda.is_available():
        with pytest.raises(DeviceError, match="trainer=cpu"):
            build_trainer(config, [], None)
        config.trainer.accelerator, config.trainer.devices = "cpu", 1
    assert build_trainer(config, [], None).max_steps == config.trainer.max_steps


# Those of extras have their own tests: test_loggers.
@pytest.mark.parametrize("logger", [option for option in _options("logger") if option not in ("tensorboard", "mlflow")])
def test_loggers_instantiate(logger: str, tmp_path: Path) -> None:
    config = compose_config("train", f"logger={logger}", f"paths.output={tmp_path}")
    made = build_logger(config, RunInfo(tmp_path, "name", [], None))
    assert (made is None) == (logger == "none")


def test_callbacks_instantiate(tmp_path: Path) -> None:
    for callbacks in _options("callbacks"):
        root = "evaluate" if callbacks == "evaluate" else "train"
        config = compose_config(root, f"callbacks={callbacks}", f"paths.output={tmp_path}")
        assert len(build_callbacks(config, None)) == len(config.callbacks)


def test_published_model_has_the_published_size(tiny_body: BodyModel) -> None:
    """The released checkpoint has 45.17 M trainable parameters."""
    model = _model(compose_config("train", "+experiment=paper/pymaf", "encoder.weights=none"), tiny_body)
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(45.17, abs=0.005)


def test_short_run_is_validated_at_its_end(tmp_path: Path) -> None:
    config = compose_config("train", "trainer.max_steps=7", f"paths.output={tmp_path}")
    assert build_trainer(config, [], None).val_check_interval == 7


def test_a_refused_setting_names_its_part(tiny_body: BodyModel) -> None:
    with pytest.raises(OverrideError, match="encoder: timm has no encoder called 'resnet19'"):
        _model(compose_config("train", "encoder.encoder=resnet19"), tiny_body)


@pytest.mark.parametrize("option", [option for option in _options("source") if option != "none"])
def test_sources_say_whose_readers_they_are(option: str, tmp_path: Path) -> None:
    """Without files every reader refuses by a SourceError, so its settings are ones that it takes."""
    named = [f"source.{key}=x" for key in ("set", "licence")]
    places = [f"source.labels={tmp_path / 'labels.csv'}", f"source.images={tmp_path}"]
    labelled = build_source(compose_config("prepare", f"source={option}", "paths.output=here", *named, *places))
    assert labelled.split in SPLITS
    with pytest.raises(SourceError, match="labels"):
        read_source(labelled)
