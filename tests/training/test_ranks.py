"""What surrounds the ranks of a job: their command line, their port, their end, and nothing of it left for the next."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from hydra.core.hydra_config import HydraConfig
from lightning_fabric.plugins.environments import LightningEnvironment
from omegaconf import OmegaConf
from pytorch_lightning.accelerators import CPUAccelerator

from maflab.training.errors import DeviceError, RankError
from maflab.training.ranks import RANK_VARIABLES, JobLauncher, _check_port, distributed_job, rank_command
from maflab.training.strategy import JobStrategy


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


def test_ranks_that_others_started_meet_where_their_cluster_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in RANK_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    cpu = torch.device("cpu")
    with distributed_job():
        os.environ["LOCAL_RANK"] = "0"  # SLURM's way: no address, no port
        strategy = JobStrategy(
            accelerator=CPUAccelerator(), parallel_devices=[cpu], cluster_environment=LightningEnvironment()
        )
        strategy.setup_distributed()
        assert dist.get_world_size() == 1
        dist.barrier()
    assert not dist.is_initialized()


def test_nothing_of_a_job_reaches_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in RANK_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MASTER_ADDR", "elsewhere")
    port = 0
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])

    @distributed_job()
    def job() -> None:
        os.environ |= {"LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1"}
        dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
        JobLauncher.ranks = [(sleeper, Path("rank1.txt"))]
        JobLauncher.started = True
        JobLauncher.server = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
        nonlocal port
        port = JobLauncher.server.port
        with pytest.raises(DeviceError):
            _check_port(port)
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
    assert (JobLauncher.ranks, JobLauncher.started) == ([], False)
    _check_port(port)
