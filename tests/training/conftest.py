"""Configs composed in the process, sized for tests; one trained run that many tests look at."""

import copy
import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

if TYPE_CHECKING:
    from .protocol_bench import Bench
    from .released_bench import Released

CONF = Path(__file__).parents[2] / "conf"

SMALL_ENCODER = ["encoder.encoder=test_resnet", "encoder.channels=8", "encoder.weights=none"]
SMALL_LOOP = ["maf.points=20", "maf.grid=4", "maf.reduction=[8,5]", "maf.hidden=16"]
SMALL_RUN = ["body=tiny", "data=tiny", "trainer.limit_val_batches=1", "trainer.limit_test_batches=1"]

Compose = Callable[..., DictConfig]


class Trained(NamedTuple):
    """A finished run."""

    config: DictConfig
    result: dict[str, Any]
    folder: Path


def compose_config(name: str, *overrides: str) -> DictConfig:
    """What the command line would compose."""
    return copy.deepcopy(_composed(name, *overrides))


@functools.cache
def _composed(name: str, *overrides: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(name, overrides=list(overrides))


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tiny packs of this session lie."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def small(data_folder: Path) -> Compose:
    """Composes a training that takes a second; the run's folder comes first."""

    def composed(folder: Path, *overrides: str, loop: bool = True, panel: bool = False) -> DictConfig:
        scale = [*SMALL_ENCODER, *SMALL_RUN, *(SMALL_LOOP if loop else [])]
        paths = [f"paths.data={data_folder}", f"paths.output={folder}"]
        steps = ["trainer.max_steps=2", "trainer.log_every_n_steps=1"]
        steps.append("callbacks.panel.pictures=1" if panel else "callbacks.panel=null")
        given = {override.split("=")[0] for override in overrides}
        return compose_config("train", *(o for o in scale + paths + steps if o.split("=")[0] not in given), *overrides)

    return composed


@pytest.fixture(scope="session")
def trained(small: Compose, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Two steps of the default experiment."""
    from maflab.training.run import train

    folder = tmp_path_factory.mktemp("trained")
    whole_splits = ["trainer.limit_val_batches=1.0", "trainer.limit_test_batches=1.0"]
    config = small(folder, "+experiment=maf_3iter", *whole_splits, panel=True)
    return Trained(config, train(config), folder)


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> "Bench":
    """A checkpoint of random weights on SMPL's stand-in."""
    from .protocol_bench import make_bench

    return make_bench(tmp_path_factory.mktemp("protocols"))


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> "Released":
    """A stand-in of PyMAF's released checkpoint, imported and exported again."""
    from .released_bench import make_released

    return make_released(tmp_path_factory.mktemp("released"))


@pytest.fixture
def one_network(bench: "Bench", monkeypatch: pytest.MonkeyPatch) -> None:
    """`evaluate` takes the bench's network instead of building it again, and draws no pictures."""
    from maflab.training import evaluation

    monkeypatch.setattr(evaluation, "build_body", lambda config: bench.model.body)
    monkeypatch.setattr(evaluation, "build_model", lambda config, body: bench.model)
    monkeypatch.setattr("maflab.training.outcome.draw_extremes", lambda *_: None)
