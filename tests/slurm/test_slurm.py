"""A sweep on a real SLURM of one node: its jobs run, and one that is requeued goes on from its checkpoint."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("one_node.sh")
SMALL = [
    *("encoder.encoder=test_resnet", "encoder.channels=8", "encoder.weights=none", "encoder.levels=1"),
    *("body=tiny", "data=tiny", "maf.grid=4", "maf.hidden=16", "callbacks.panel=null"),
    *("trainer.limit_val_batches=1", "trainer.limit_test_batches=1", "trainer.log_every_n_steps=1"),
]
ONE_CORE = [
    *("hydra/launcher=slurm", "hydra.launcher.gpus_per_node=null", "hydra.launcher.cpus_per_task=1"),
    *("hydra.launcher.mem_gb=null", "hydra.launcher.timeout_min=20"),
]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A running SLURM, as the environment of those who use it."""
    pytest.importorskip("submitit", reason="no submitit: pip install 'maflab[slurm]'")
    folder = tmp_path_factory.mktemp("slurm")
    started = subprocess.run([str(SCRIPT), "up", str(folder)], capture_output=True, text=True, timeout=120)
    if started.returncode == 3:
        pytest.skip(f"no SLURM here: {started.stderr.strip().splitlines()[-1]}")
    assert started.returncode == 0, started.stderr
    yield dict(os.environ) | {"SLURM_CONF": str(folder / "slurm.conf")}
    subprocess.run([str(SCRIPT), "down", str(folder)], check=False, timeout=120)


def sweep(folder: Path, *overrides: str) -> list[str]:
    folders = [f"hydra.sweep.dir={folder}/sweep", f"paths.data={folder}/data"]
    given = ["-m", "+experiment=maf_1iter", "+sweep=seeds", *SMALL, *ONE_CORE, *folders, *overrides]
    return [sys.executable, str(ROOT / "train.py"), *given]


def test_two_jobs_run(slurm: dict[str, str], tmp_path: Path) -> None:
    command = sweep(tmp_path, "seed=0,1", "trainer.max_steps=2", "hydra.launcher.array_parallelism=1")
    ran = subprocess.run(command, env=slurm, capture_output=True, text=True, timeout=800)
    assert ran.returncode == 0, ran.stderr
    assert "2 of 2 jobs are finished" in ran.stderr
    assert len(list(tmp_path.glob("sweep/*/metrics.json"))) == 2
    assert list(tmp_path.glob("sweep/.submitit/*/*_submission.sh"))


def test_a_job_of_two_processes_runs(slurm: dict[str, str], tmp_path: Path) -> None:
    ddp = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2", "hydra.launcher.tasks_per_node=2"]
    command = sweep(tmp_path, "seed=0", "trainer.max_steps=2", "data.batch_size=2", *ddp)
    ran = subprocess.run(command, env=slurm, capture_output=True, text=True, timeout=800)
    assert ran.returncode == 0, ran.stderr
    (written,) = tmp_path.glob("sweep/*/metrics.json")
    assert json.loads(written.read_text())["step"] == 2
    assert list(tmp_path.glob("sweep/.submitit/*/*_1_log.out"))  # of the second process


def test_a_requeued_job_goes_on(slurm: dict[str, str], tmp_path: Path) -> None:
    steps = ["trainer.max_steps=400", "trainer.val_check_interval=50", "scheduler=constant", "report.weights=last"]
    launched = subprocess.Popen(sweep(tmp_path, "seed=0", *steps), env=slurm)
    try:
        folder = tmp_path / "sweep" / "maf_1iter_seed0"
        wait_for(folder / "checkpoints" / "last.ckpt")
        (job,) = queue(slurm, "%A")
        subprocess.run(["scontrol", "requeue", job], env=slurm, check=True)
        # SLURM would let it wait for two minutes.
        subprocess.run(["scontrol", "update", f"JobId={job}", "StartTime=now"], env=slurm, check=True)
        assert launched.wait(timeout=800) == 0
    finally:
        launched.kill()
    (earlier,) = folder.glob("metrics_until_step_*.csv")
    resumed_at = int(earlier.stem.rpartition("_")[2])
    assert resumed_at >= 50
    assert json.loads((folder / "metrics.json").read_text())["step"] == 400
    first_row = (folder / "metrics.csv").read_text().splitlines()
    column = first_row[0].split(",").index("step")
    assert int(first_row[1].split(",")[column]) >= resumed_at


def wait_for(path: Path, seconds: float = 300) -> None:
    until = time.monotonic() + seconds
    while not path.is_file():
        assert time.monotonic() < until, f"{path} has not come"
        time.sleep(0.2)


def queue(environment: dict[str, str], fields: str) -> list[str]:
    command = ["squeue", "--noheader", "--states=RUNNING", f"--format={fields}"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
