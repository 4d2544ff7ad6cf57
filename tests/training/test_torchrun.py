"""The same figures where torchrun starts the processes: on one machine, and on two of them."""

import subprocess
from pathlib import Path

import pytest
from lightning_fabric.plugins.environments.lightning import find_free_network_port

from .ddp_runs import HALVES, command, figures, python, without_ranks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def torchrun(folder: Path, given: list[str], *settings: str) -> subprocess.Popen:
    at = ["--master-addr", "127.0.0.1", *settings]
    with (folder / f"said{len(list(folder.glob('said*')))}.txt").open("w") as said:
        command = python("-m", "torch.distributed.run", *at, *given)
        return subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, env=without_ranks(OMP_NUM_THREADS="1"))


@pytest.mark.parametrize("nodes", [1, 2])
def test_two_jobs_of_two_processes_give_the_figures_of_one(nodes: int, data_folder: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    subprocess.run(python(*command(data_folder, f"hydra.run.dir={one}")), check=True, env=without_ranks())
    folders = [f"hydra.sweep.dir={two}", "hydra.sweep.subdir=seed${seed}"]
    size = [f"trainer.devices={2 // nodes}", f"trainer.num_nodes={nodes}"]
    given = command(data_folder, "-m", *HALVES, *size, "seed=1,0", *folders)
    at = ["--master-port", str(find_free_network_port()), "--nnodes", str(nodes), "--nproc-per-node", str(2 // nodes)]
    started = [torchrun(tmp_path, given, *at, "--node-rank", str(node)) for node in range(nodes)]
    try:
        ended = [process.wait(timeout=280) for process in started]
    finally:
        for process in started:
            process.kill()
    said = "".join(path.read_text() for path in tmp_path.glob("said*.txt"))
    assert ended == [0] * nodes, said
    assert said.count("2 of 2 jobs are finished") == 1  # the first process speaks for all
    alone, both = figures(one), figures(two / "seed0")
    assert both["step"] == alone["step"]
    for row, values in alone["metrics"].items():
        assert both["metrics"][row] == pytest.approx(values, rel=1e-5)
