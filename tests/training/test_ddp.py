"""DDP for real: two processes on the CPU over gloo, two jobs in a multirun, the figures of a single process."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch.distributed as dist
from hydra.core.hydra_config import HydraConfig
from lightning_fabric.plugins.environments import LightningEnvironment
from omegaconf import OmegaConf

from maflab.training.errors import DeviceError, RankError
from maflab.training.ranks import RANK_VARIABLES, JobLauncher, _check_port, distributed_job, rank_command

from .conftest import CONF, SMALL_ENCODER

ROOT = CONF.parent
LOOP = ["maf.grid=4", "maf.hidden=16"]
RUN = ["body=tiny", "data=tiny", "callbacks.panel=null", "trainer.max_steps=2", "trainer.log_every_n_steps=1"]
# No augmentation and no batch statistics of halves: then two processes of 2 see what one of 4 sees.
SAME = ["data.augmentation=null", "trainer.accelerator=cpu", "+experiment=maf_1iter", "optimizer.lr=1e-4"]


def command(data: Path, *overrides: str) -> list[str]:
    scale = [*SMALL_ENCODER, *LOOP, *RUN, *SAME, f"paths.data={data}"]
    given = {override.partition("=")[0] for override in overrides}
    kept = [o for o in scale if o.partition("=")[0] not in given]
    return [sys.executable, str(ROOT / "train.py"), *overrides, *kept]  # `-m` must come first


def losses(folder: Path) -> list[float]:
    with (folder / "metrics.csv").open() as file:
        return [float(row["train/loss"]) for row in csv.DictReader(file) if row["train/loss"]]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_processes_and_two_jobs_give_the_figures_of_one(data_folder: Path, tmp_path: Path) -> None:
    two = ["-m", "trainer=ddp", "trainer.devices=2", "data.batch_size=2", "seed=0,1", "trainer.sync_batchnorm=false"]
    # Other tests of this process may have left a port behind, which both jobs would then be told to meet at.
    alone = {name: value for name, value in os.environ.items() if name not in RANK_VARIABLES}
    one_process = command(data_folder, "seed=0", f"hydra.run.dir={tmp_path}/one")
    subprocess.run(one_process, check=True, timeout=280, env=alone)
    folders = [f"hydra.sweep.dir={tmp_path}/two", "hydra.sweep.subdir=seed${seed}"]
    subprocess.run(command(data_folder, *two, *folders), check=True, timeout=280, env=alone)
    assert sorted(p.name for p in (tmp_path / "two").iterdir() if p.is_dir()) == ["seed0", "seed1"]
    one, both = (json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("one", "two/seed0"))
    # The mean parameters need no training: every sample must have been counted exactly once.
    assert both["metrics"]["iter0"] == pytest.approx(one["metrics"]["iter0"], rel=1e-5)
    assert both["metrics"]["iter1"] == pytest.approx(one["metrics"]["iter1"], rel=0.05)
    assert both["step"] == one["step"] == 2
    other = json.loads((tmp_path / "two" / "seed1" / "metrics.json").read_text())
    assert other["metrics"]["iter0"] == both["metrics"]["iter0"]
    assert other["metrics"]["iter1"] != both["metrics"]["iter1"]
    # The same checkpoint, measured by one process, to the last digit that matters.
    again = tmp_path / "again"
    evaluate = [sys.executable, str(ROOT / "evaluate.py"), f"checkpoint={both['checkpoint']}"]
    subprocess.run(
        [*evaluate, f"paths.data={data_folder}", f"hydra.run.dir={again}"], check=True, timeout=280, env=alone
    )
    measured = json.loads((again / "metrics.json").read_text())["metrics"]
    for row, values in measured.items():
        assert both["metrics"][row] == pytest.approx(values, rel=1e-5)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_rank_that_dies_ends_the_run_with_its_error(data_folder: Path, tmp_path: Path) -> None:
    settings = ["trainer=ddp", "trainer.devices=2", "data.batch_size=2", "trainer.max_steps=100000"]
    given = command(data_folder, *settings, "trainer.val_check_interval=100000", f"hydra.run.dir={tmp_path}/run")
    with (tmp_path / "said.txt").open("w") as said:
        run = subprocess.Popen(given, stdout=said, stderr=subprocess.STDOUT)
    try:
        until = time.monotonic() + 250
        while "step 2/" not in (tmp_path / "said.txt").read_text():
            assert run.poll() is None, (tmp_path / "said.txt").read_text()
            assert time.monotonic() < until
            time.sleep(0.5)
        (child,) = children(run.pid, "hydra.job.name=rank1")
        os.kill(child, signal.SIGKILL)
        assert run.wait(timeout=60) == 1
    finally:
        run.kill()
    assert "maflab: Process 1 of this run was killed by signal 9" in (tmp_path / "said.txt").read_text()


def children(parent: int, argument: str) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            status, arguments = (path / "status").read_text(), (path / "cmdline").read_text().split("\0")
        except OSError:
            continue
        if f"PPid:\t{parent}\n" in status and argument in arguments:
            found.append(int(path.name))
    return found


def test_a_rank_gets_the_jobs_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        "hydra": {
            "overrides": {"task": ["seed=1", "+experiment=maf_1iter", "resume=true"]},
            "runtime": {"output_dir": "/runs/it's, here"},
        }
    }
    monkeypatch.setattr(HydraConfig.instance(), "cfg", OmegaConf.create(settings))
    monkeypatch.setattr(sys, "argv", ["train.py", "-m", "seed=0,1"])
    _, script, *given = rank_command(1, Path("/runs/last.ckpt"))
    assert Path(script).is_absolute()
    assert given[:3] == ["seed=1", "+experiment=maf_1iter", "resume='/runs/last.ckpt'"]
    assert {"hydra.mode=RUN", "hydra.output_subdir=null", "hydra.job.name=rank1"} < set(given)
    assert r"hydra.run.dir='/runs/it\'s, here'" in given


def test_a_taken_port_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(DeviceError, match=f"Port {port} .MASTER_PORT. is taken"):
            _check_port(port)
    _check_port(port)


def test_a_port_lost_in_between_is_replaced_unless_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MASTER_PORT", raising=False)
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        environment = LightningEnvironment()
        environment._main_port = port
        JobLauncher(environment, 2, 1)._settle_port()
        assert environment.main_port != port
        monkeypatch.setenv("MASTER_PORT", str(port))
        asked_for = JobLauncher(LightningEnvironment(), 2, 1)
        with pytest.raises(DeviceError, match=str(port)):
            asked_for._settle_port()


def test_a_dead_rank_is_told_with_its_last_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "rank1.txt"
    output.write_text("Traceback ...\nmaflab: The disk is full\n")
    dead = subprocess.Popen([sys.executable, "-c", "raise SystemExit(1)"])
    monkeypatch.setattr(JobLauncher, "ranks", [(dead, output)])
    with pytest.raises(RankError, match="Process 1 of this run ended with status 1: The disk is full"):
        JobLauncher.check(patience=20)


def test_nothing_of_a_job_reaches_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in RANK_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MASTER_ADDR", "elsewhere")
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])

    @distributed_job()
    def job() -> None:
        os.environ |= {"LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1"}
        dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
        JobLauncher.ranks = [(sleeper, Path("rank1.txt"))]
        raise ValueError("any")

    with pytest.raises(ValueError, match="any"):
        job()
    assert not dist.is_initialized()
    assert {name: os.environ.get(name) for name in ("LOCAL_RANK", "WORLD_SIZE")} == {
        "LOCAL_RANK": None,
        "WORLD_SIZE": None,
    }
    assert os.environ["MASTER_ADDR"] == "elsewhere"
    assert sleeper.returncode == -signal.SIGKILL
    assert JobLauncher.ranks == []
