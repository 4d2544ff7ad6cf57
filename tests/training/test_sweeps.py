"""Every sweep's jobs are valid; an interrupted sweep goes on; a failed job is recorded and the others run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from maflab.body.model import BodyModel
from maflab.training.build import build_model
from maflab.training.errors import SweepError
from maflab.training.overrides import check_config, check_overrides
from maflab.training.sweeping import Job, named_sweep, objective

from .conftest import CONF, SMALL_ENCODER, SMALL_RUN, Compose, compose_config

ROOT = CONF.parent
SWEEPS = sorted(path.stem for path in (CONF / "sweep").glob("*.yaml") if path.stem != "optuna")
SIZES = {
    "auxiliary": 3,
    "feature_source": 3,
    "levels_x_iterations": 20,
    "points": 5,
    "regressor_sharing": 2,
    "resolution": 4,
    "seeds": 5,
}
EXPERIMENTS = ("maf_3iter", "grid_3iter", "hmr_3iter")
SMALL = [*SMALL_ENCODER, "maf.hidden=16", "data=tiny", "body=tiny"]


def jobs_of(sweep: str, *overrides: str) -> tuple[list[list[str]], DictConfig]:
    """The overrides of each job, expanded by Hydra's own sweeper, and the config of the sweep with its `hydra`."""
    single = [o for o in overrides if not OverridesParser.create().parse_override(o).is_sweep_override()]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=[*single, f"+sweep={sweep}"], return_hydra_config=True)
    params = [f"{key}={value}" for key, value in config.hydra.sweeper.params.items()]
    parsed = OverridesParser.create().parse_overrides([*params, *overrides, f"+sweep={sweep}"])
    (batch,) = BasicSweeper.split_arguments(parsed, None)
    return batch, config


def test_the_sweeps_are_the_known_ones() -> None:
    assert set(SWEEPS) == set(SIZES)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
@pytest.mark.parametrize("sweep", SWEEPS)
def test_every_job_builds_a_model_of_its_own(sweep: str, experiment: str, tiny_body: BodyModel) -> None:
    if sweep == "points" and experiment != "maf_3iter":
        pytest.skip("a grid and global features read no points, which is told: test_overrides.py")
    batch, config = jobs_of(sweep, f"+experiment={experiment}", *SMALL)
    assert len(batch) == SIZES[sweep]
    seen, folders = set(), set()
    for overrides in batch:
        if "maf.points=431" in overrides and len(tiny_body.arrays.template) < 431:
            continue  # the tiny body is too coarse for the published number
        job, folder = composed_job(overrides)
        check_config(job, CONF / "train.yaml")
        check_overrides(job, [o for o in overrides if o.partition("=")[0] in config.hydra.sweeper.params])
        build_model(job, tiny_body)
        seen.add(str(job))
        folders.add(folder)
    assert len(seen) == len(folders) >= len(batch) - 1


def composed_job(overrides: list[str]) -> tuple[DictConfig, str]:
    """A job's config as Hydra hands it to the task, and its folder."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=[*overrides, "paths.output=here"], return_hydra_config=True)
    folder = str(Path(config.hydra.sweep.dir) / config.hydra.sweep.subdir)
    OmegaConf.set_readonly(config, False)
    OmegaConf.set_struct(config, False)
    del config["hydra"]
    return config, folder


def test_auxiliary_cells_differ_in_what_is_supervised() -> None:
    batch, _ = jobs_of("auxiliary", "+experiment=maf_3iter")
    none, parts, dense = (compose_config("train", *overrides) for overrides in batch)
    assert none.aux_head is None
    assert parts.aux_head == dense.aux_head
    assert (parts.loss.uv, dense.loss.uv) == (0.0, 0.5)
    assert parts.loss.part == dense.loss.part > 0


def test_feature_sources_hold_over_the_experiments_own() -> None:
    for experiment in EXPERIMENTS:
        batch, _ = jobs_of("feature_source", f"+experiment={experiment}")
        later = [compose_config("train", *overrides).maf.sources[1] for overrides in batch]
        assert later == ["global", "grid", "mesh"]


def test_the_command_line_replaces_a_sweeps_values() -> None:
    batch, _ = jobs_of("levels_x_iterations", "maf.iterations=2,3", "seed=0,1")
    assert len(batch) == 4 * 2 * 2


def test_a_folder_keeps_the_job_it_was_made_by(tmp_path: Path) -> None:
    Job(tmp_path, ["seed=0", "+sweep=seeds"]).mark("running")
    assert Job(tmp_path, ["+sweep=seeds", "seed=0"]).record["state"] == "running"
    with pytest.raises(SweepError, match=r"seed=0, seed=1\)"):
        Job(tmp_path, ["seed=1", "+sweep=seeds"])


def test_finished_needs_the_metrics_and_unfinished_its_checkpoint(tmp_path: Path) -> None:
    job = Job(tmp_path, [])
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.ckpt").touch()
    assert job.checkpoint is None  # nobody knows whose it is
    job.mark("finished")
    assert not job.finished
    assert job.checkpoint is not None
    (tmp_path / "metrics.json").write_text("{}")
    assert job.finished


def test_objective_is_the_last_iterations_monitored_metric(tmp_path: Path) -> None:
    metrics = {"iter0": {"pa_mpjpe": 9.0, "pve": 8.0}, "iter1": {"pa_mpjpe": 5.0, "pve": 7.0}}
    (tmp_path / "metrics.json").write_text(json.dumps({"metrics": metrics}))
    config = compose_config("train")
    assert objective(config, Job(tmp_path, [])) == 5.0
    config.callbacks.best.monitor = "val/pve"
    assert objective(config, Job(tmp_path, [])) == 7.0


def test_named_sweep() -> None:
    assert named_sweep(["seed=0", "+sweep=seeds"]) == "seeds"
    assert named_sweep(["seed=0", "+experiment=sweep=x"]) is None


def run_command(data: Path, *overrides: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`train.py` in a process of its own, at the size of a test."""
    command = [sys.executable, str(ROOT / "train.py"), *overrides, *small_run(data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, env=os.environ | environment)


def small_run(data: Path) -> list[str]:
    sizes = ["trainer.max_steps=2", "trainer.val_check_interval=1", "trainer.log_every_n_steps=1", "maf.hidden=16"]
    return [*SMALL_ENCODER, *SMALL_RUN, *sizes, "callbacks.panel=null", f"paths.data={data}"]


def test_named_sweep_without_multirun_is_refused(data_folder: Path, tmp_path: Path) -> None:
    ran = run_command(data_folder, "+experiment=maf_1iter", "+sweep=seeds", f"hydra.run.dir={tmp_path}/run")
    assert ran.returncode == 1
    assert "train.py -m +sweep=seeds" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["basic", "processes"])
def test_sweep_records_failures_skips_the_finished_and_resumes(
    launcher: str, small: Compose, data_folder: Path, tmp_path: Path
) -> None:
    from maflab.training.build import build_body, build_datamodule

    config = small(tmp_path)  # one maker of packs, before two processes look for them
    build_datamodule(config, build_body(config)).prepare_data()
    given = ["-m", "+experiment=maf_1iter", "+sweep=seeds", "maf.grid=4,1", "seed=0", f"hydra.sweep.dir={tmp_path}/s"]
    given += ["hydra.sweep.subdir=grid${maf.grid}", f"hydra/launcher={launcher}", "encoder.levels=1", "data.workers=1"]
    broken = tmp_path / "s" / "grid1" / "checkpoints"
    broken.parent.mkdir(parents=True)
    broken.write_text("where a folder should be")  # the run trains, and cannot save
    first = run_command(data_folder, *given)
    assert first.returncode == 1, first.stderr
    assert "1 of 2 jobs are finished" in first.stderr
    assert "grid1 failed" in first.stderr
    done, failed = (tmp_path / "s" / name for name in ("grid4", "grid1"))
    record = json.loads((failed / "job.json").read_text())
    assert record["state"] == "failed"
    assert "checkpoints" in record["error"]
    assert "Traceback" in record["traceback"]
    written = (done / "metrics.json").stat().st_mtime_ns

    broken.unlink()
    interrupted = done / "job.json"  # as a run leaves it that was killed after its last step
    record = json.loads(interrupted.read_text())
    interrupted.write_text(json.dumps(record | {"state": "running"}))
    second = run_command(data_folder, *given)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "2 of 2 jobs are finished" in second.stderr
    assert (done / "metrics.json").stat().st_mtime_ns > written
    assert (done / "metrics_until_step_2.csv").is_file()

    written = {name: (tmp_path / "s" / name / "metrics.json").stat().st_mtime_ns for name in ("grid4", "grid1")}
    third = run_command(data_folder, *given)
    assert third.returncode == 0
    assert {n: (tmp_path / "s" / n / "metrics.json").stat().st_mtime_ns for n in written} == written


@pytest.mark.slow
def test_search_minimises_the_validation_error(data_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="pip install 'maflab[optuna]'")
    given = ["-m", "+experiment=maf_1iter", "+sweep=optuna", "hydra.sweeper.n_trials=2", "maf.grid=4"]
    ran = run_command(data_folder, *given, f"hydra.sweep.dir={tmp_path}")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    best = OmegaConf.load(tmp_path / "optimization_results.yaml").best_value
    results = [json.loads(path.read_text()) for path in tmp_path.glob("*/metrics.json")]
    assert [result["split"] for result in results] == ["val", "val"]
    assert best == pytest.approx(min(result["metrics"]["iter1"]["pa_mpjpe"] for result in results))
