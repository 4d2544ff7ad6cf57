"""DDP for real: two processes on the CPU over gloo, two jobs in a multirun, the figures of a single process."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from lightning_fabric.plugins.environments.lightning import find_free_network_port

from .ddp_runs import HALVES, ROOT, command, figures, python, without_ranks

pytestmark = pytest.mark.slow

TWO = [*HALVES, "trainer.devices=2"]


@pytest.fixture(scope="module")
def one(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run by one process."""
    folder = tmp_path_factory.mktemp("ddp") / "one"
    subprocess.run(python(*command(data_folder, f"hydra.run.dir={folder}")), check=True, env=without_ranks())
    return folder


@pytest.mark.timeout(600)
def test_two_processes_and_two_jobs_give_the_figures_of_one(one: Path, data_folder: Path, tmp_path: Path) -> None:
    folders = [f"hydra.sweep.dir={tmp_path}/two", "hydra.sweep.subdir=seed${seed}"]
    given = command(data_folder, "-m", *TWO, "seed=0,1", "trainer.sync_batchnorm=false", *folders)
    subprocess.run(python(*given), check=True, timeout=280, env=without_ranks())
    assert sorted(p.name for p in (tmp_path / "two").iterdir() if p.is_dir()) == ["seed0", "seed1"]
    alone, both, other = (figures(folder) for folder in (one, tmp_path / "two" / "seed0", tmp_path / "two" / "seed1"))
    assert both["step"] == alone["step"] == 4
    assert (
        alone["metrics"]["iter3"]["pa_mpjpe"] < alone["metrics"]["iter0"]["pa_mpjpe"] - 1
    )  # the steps have done something
    for row, values in alone["metrics"].items():
        assert both["metrics"][row] == pytest.approx(values, rel=1e-5)
    assert other["metrics"]["iter0"] == both["metrics"]["iter0"]
    assert other["metrics"]["iter3"] != pytest.approx(both["metrics"]["iter3"], rel=1e-5)
    # The same checkpoint, measured by one process.
    again = tmp_path / "again"
    evaluate = [str(ROOT / "evaluate.py"), f"checkpoint={both['checkpoint']}", f"hydra.run.dir={again}"]
    subprocess.run(python(*evaluate, f"paths.data={data_folder}"), check=True, timeout=280, env=without_ranks())
    for row, values in figures(again)["metrics"].items():
        assert both["metrics"][row] == pytest.approx(values, rel=1e-5)


@pytest.mark.timeout(600)
def test_jobs_meet_one_after_the_other_at_a_port_that_was_asked_for(data_folder: Path, tmp_path: Path) -> None:
    # The first of them fails behind its last step, in the middle of everything it holds.
    broken = tmp_path / "seed0" / "checkpoints"
    broken.parent.mkdir()
    broken.write_text("where a folder should be")
    folders = [f"hydra.sweep.dir={tmp_path}", "hydra.sweep.subdir=seed${seed}"]
    given = python(*command(data_folder, "-m", *TWO, "seed=0,1,2", *folders))
    environment = without_ranks(MASTER_PORT=str(find_free_network_port()))
    ran = subprocess.run(given, capture_output=True, text=True, timeout=280, env=environment)
    assert ran.returncode == 1
    assert "maflab: 2 of 3 jobs are finished" in ran.stderr, ran.stdout + ran.stderr
    assert "checkpoints" in json.loads((tmp_path / "seed0" / "job.json").read_text())["error"]
    assert figures(tmp_path / "seed1")["step"] == figures(tmp_path / "seed2")["step"] == 4


@pytest.mark.timeout(400)
@pytest.mark.parametrize("victim", ["further", "first"])
def test_a_rank_that_dies_ends_the_others(victim: str, data_folder: Path, tmp_path: Path) -> None:
    endless = ["trainer.max_steps=100000", "trainer.val_check_interval=100000"]
    given = python(*command(data_folder, *TWO, *endless, f"hydra.run.dir={tmp_path}/run"))
    with (tmp_path / "said.txt").open("w") as said:
        run = subprocess.Popen(given, stdout=said, stderr=subprocess.STDOUT, env=without_ranks())
    child = None
    try:
        until = time.monotonic() + 250
        while "step 2/" not in (tmp_path / "said.txt").read_text():
            assert run.poll() is None, (tmp_path / "said.txt").read_text()
            assert time.monotonic() < until
            time.sleep(0.5)
        (child,) = children(run.pid, "hydra.job.name=rank1")
        os.kill(child if victim == "further" else run.pid, signal.SIGKILL)
        status = run.wait(timeout=60)
        until = time.monotonic() + 60
        while alive(child):
            assert time.monotonic() < until
            time.sleep(0.5)
    finally:
        run.kill()
        if child is not None and alive(child):
            os.kill(child, signal.SIGKILL)
    if victim == "further":
        assert status == 1
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


def alive(process: int) -> bool:
    """Whether a process runs: one that has ended and waits for its parent does not."""
    path = Path(f"/proc/{process}/status")
    return path.is_file() and "State:\tZ" not in path.read_text()
