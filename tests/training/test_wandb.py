"""W&B records offline without an account, completely, and is closed, so that the next job starts its own run."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import wandb
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig

from maflab.training.logging import RunInfo
from maflab.training.run import train

from .conftest import CONF, Compose
from .wandb_record import OfflineRun, read_run

SWEPT = ["+experiment=maf_2iter", "logger=wandb", "tags=[a,b]", "seed=3", "encoder.levels=2"]


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_RUN_GROUP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # no netrc


@pytest.fixture
def in_a_sweep(tmp_path: Path) -> Iterator[None]:
    """What Hydra tells a job of a multirun."""
    given = ["hydra.mode=MULTIRUN", f"hydra.sweep.dir={tmp_path}/multirun/levels"]
    given.append(f"hydra.overrides.task={json.dumps(SWEPT)}")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=given, return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    yield
    HydraConfig.instance().cfg = None


def _record(folder: Path) -> Path:
    (record,) = (folder / "wandb").glob("offline-run-*/run-*.wandb")
    return record


def test_offline_run_of_a_sweep_is_complete(in_a_sweep: None, small: Compose, tmp_path: Path) -> None:
    more = ["trainer.val_check_interval=1", "trainer.max_steps=2"]
    result = train(small(tmp_path / "run", *SWEPT, *more, panel=True))
    assert wandb.run is None
    record = _record(tmp_path / "run")
    run = read_run(record)
    assert run.exit_code == 0

    assert run.group == "levels"
    assert set(run.tags) == {"a", "b", "experiment=maf_2iter", "encoder.levels=2"}
    assert run.config["cell"] == "+experiment=maf_2iter encoder.levels=2"
    assert run.config["overrides"] == SWEPT
    assert run.config["sweep"] == "levels"
    assert (run.config["encoder"]["levels"], run.config["maf"]["iterations"], run.config["seed"]) == (2, 2, 3)

    _check_curves(run)
    _check_result(run, result, record.parent / "files")


def _check_curves(run: OfflineRun) -> None:
    for t in range(3):
        for name in ("mpjpe", "pa_mpjpe", "pve", "pck"):
            key = f"val/iter{t}/{name}"
            assert [step for step, _ in run.curve(key)] == [0, 1]  # Lightning counts a step's figures by its index
            summary = run.metrics[key].summary
            assert (summary.max, summary.min, summary.last) == (name == "pck", name != "pck", True)
            assert run.metrics[key].step_metric == "trainer/global_step"
    assert len(run.curve("train/loss")) == 2
    assert run.metrics["train/loss"].summary.min
    assert [row for row in run.history if "val/panel" in row]


def _check_result(run: OfflineRun, result: dict, files: Path) -> None:
    metrics = result["metrics"]
    curve = dict(run.curve("result/pa_mpjpe", "result/iteration"))
    assert curve == {t: metrics[f"iter{t}"]["pa_mpjpe"] for t in range(3)}
    (table,) = [row["result/table"] for row in run.history if "result/table" in row]
    content = json.loads((files / table["path"]).read_text())
    assert content["columns"] == ["estimate", "mpjpe", "pa_mpjpe", "pve", "pck"]
    assert content["data"] == [[row, *values.values()] for row, values in metrics.items()]
    (panel,) = [row["panel"] for row in run.history if "panel" in row]
    assert (files / panel["filenames"][0]).read_bytes().startswith(b"\x89PNG")


def test_a_failing_run_is_closed_as_failed(small: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_RUN_GROUP", "a-group")
    without = ["callbacks.best=null", "callbacks.last=null"]
    with pytest.raises(Exception, match="No checkpoint was written"):
        train(small(tmp_path / "run", "+experiment=maf_1iter", "logger=wandb", *without))
    assert wandb.run is None
    run = read_run(_record(tmp_path / "run"))
    assert run.exit_code == 1
    assert run.group == "a-group"
    assert run.config["cell"] == ""


def test_a_cell_is_what_runs_of_other_seeds_share() -> None:
    overrides = (
        "+experiment=maf_3iter",
        "seed=1",
        "maf.iterations=4",
        "logger.project=x",
        "paths.data=y",
        "~callbacks.ema",
    )
    run = RunInfo(Path("run"), "name", [], "sweep", overrides)
    assert run.cell == ["+experiment=maf_3iter", "maf.iterations=4", "~callbacks.ema"]
