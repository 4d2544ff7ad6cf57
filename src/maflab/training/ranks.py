"""The further processes of a distributed job: started, watched, and gone when it ends.

Lightning's own launcher starts the further ranks by repeating the command line, which under multirun would be the whole
sweep, and leaves the rank variables to the next job.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import torch.distributed as dist
from hydra.core.hydra_config import HydraConfig
from lightning_fabric.utilities.distributed import _set_num_threads_if_needed
from pytorch_lightning.strategies.launchers.subprocess_script import _SubprocessScriptLauncher

from maflab.training.errors import DeviceError, RankError

RANK_VARIABLES = ("LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "PL_GLOBAL_SEED")
"""What Lightning writes into the environment for the further ranks, and the next job must not find."""

_SIGNS_OF_A_LOST_RANK = ("gloo", "nccl", "connection", "store", "socket", "process group")


class JobLauncher(_SubprocessScriptLauncher):
    """Starts the further ranks of a machine as runs of their own: this job's settings, this job's folder.

    Their output goes to `rank1.txt`, ... in that folder.
    """

    ranks: ClassVar[list[tuple[subprocess.Popen, Path]]] = []
    """The further ranks of this process' job, and where their output goes."""
    started: ClassVar[bool] = False
    """Whether this process has started the ranks of its job; there may be none but itself."""
    server: ClassVar[dist.TCPStore | None] = None
    """Where the ranks meet, on the first one. It listens on the port as long as it is held."""
    resume: Path | None = None
    """The checkpoint that the first rank goes on from, whatever found it."""

    def launch(self, function: Callable, *args: Any, trainer: Any = None, **kwargs: Any) -> Any:
        """Starts the ranks, where no cluster does, and calls `function`."""
        if not self.cluster_environment.creates_processes_externally:
            self.cluster_environment.validate_settings(self.num_processes, self.num_nodes)
            if self.cluster_environment.node_rank() == 0:  # where the server will be
                self._settle_port()
            self._call_children_scripts()
        _set_num_threads_if_needed(num_processes=self.num_processes)
        try:
            return function(*args, **kwargs)
        except Exception as error:
            if _is_lost_rank(error):
                JobLauncher.check(patience=15.0)
            raise

    @classmethod
    def check(cls, patience: float = 0.0) -> None:
        """Stop if a rank has died.

        Args:
            patience: seconds to wait for one to die.

        Raises:
            RankError: with the last line of what it wrote.
        """
        until = time.monotonic() + patience
        while cls.ranks:
            for number, (process, output) in enumerate(cls.ranks, start=1):
                if process.poll():
                    raise RankError(_obituary(number, process.returncode, output))
            if time.monotonic() >= until:
                return
            time.sleep(0.2)

    def _settle_port(self, tries: int = 5) -> None:
        """Checks the port where the ranks meet; where Lightning found one that is taken by now, it finds another.

        Raises:
            DeviceError: the user's MASTER_PORT is taken, or each of the tried ones.
        """
        given = "MASTER_PORT" in os.environ
        for left in reversed(range(1 if given else tries)):
            try:
                return _check_port(self.cluster_environment.main_port)
            except DeviceError:
                if not left:
                    raise
                # Lightning's own environment remembers what it found; -1 makes it look again.
                self.cluster_environment._main_port = -1  # type: ignore[attr-defined]

    def _call_children_scripts(self) -> None:
        self._check_can_spawn_children()
        environment = self.cluster_environment
        os.environ |= {
            "MASTER_ADDR": environment.main_address,
            "MASTER_PORT": str(environment.main_port),
            "NODE_RANK": str(environment.node_rank()),
            "LOCAL_RANK": str(environment.local_rank()),
            "WORLD_SIZE": str(self.num_processes * self.num_nodes),
        }
        folder = Path(HydraConfig.get().runtime.output_dir) if HydraConfig.initialized() else Path.cwd()
        JobLauncher.started, JobLauncher.ranks = True, []
        for rank in range(1, self.num_processes):
            output = folder / f"rank{rank}.txt"
            with output.open("wb") as file:
                process = subprocess.Popen(
                    rank_command(rank, self.resume),
                    env=os.environ | {"LOCAL_RANK": str(rank), "MAFLAB_PARENT": str(os.getpid())},
                    stdout=file,
                    stderr=subprocess.STDOUT,
                )
            self.procs.append(process)
            JobLauncher.ranks.append((process, output))
        threading.Thread(target=_watch, args=(list(JobLauncher.ranks),), daemon=True).start()


def rank_command(rank: int, resume: Path | None = None) -> list[str]:
    """The command line of a further rank: a single run, whatever the first rank is part of.

    Args:
        rank: its local number.
        resume: the checkpoint that the first rank goes on from.
    """
    if not HydraConfig.initialized():
        return [sys.executable, *sys.argv]
    hydra = HydraConfig.get()
    overrides = list(hydra.overrides.task)
    if resume is not None:
        overrides = [o for o in overrides if not o.startswith("resume=")] + [f"resume={_quoted(resume)}"]
    return [
        *(sys.executable, str(Path(sys.argv[0]).resolve())),
        *overrides,
        f"hydra.run.dir={_quoted(hydra.runtime.output_dir)}",
        "hydra.mode=RUN",
        "hydra.output_subdir=null",
        f"hydra.job.name=rank{rank}",
    ]


@contextmanager
def distributed_job() -> Iterator[None]:
    """Around a job: afterwards no rank is left, nor a process group, nor its port; the rank variables are as before."""
    before = {name: os.environ.get(name) for name in RANK_VARIABLES}
    failed = True
    try:
        yield
        failed = False
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
        _end_ranks([process for process, _ in JobLauncher.ranks], patience=2.0 if failed else 60.0)
        JobLauncher.started, JobLauncher.ranks, JobLauncher.server = False, [], None
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            raise DeviceError(
                f"Port {port} (MASTER_PORT) is taken, so the processes cannot meet there; "
                "unset MASTER_PORT for a free one, or set another"
            ) from error


def _watch(ranks: Sequence[tuple[subprocess.Popen, Path]], grace: float = 30.0) -> None:
    """Ends a first rank that waits for a dead one: NCCL would for half an hour, gloo notices by itself."""
    while any(process.poll() is None for process, _ in ranks):
        if any(process.poll() for process, _ in ranks):
            break
        time.sleep(1.0)
    dead = [(n, p, output) for n, (p, output) in enumerate(ranks, start=1) if p.returncode]
    if not dead:
        return
    time.sleep(grace)
    if JobLauncher.ranks and JobLauncher.ranks[0][0] is ranks[0][0]:  # the job has not ended by itself
        number, process, output = dead[0]
        sys.stderr.write(f"maflab: {_obituary(number, process.returncode, output)}\n")
        _end_ranks([process for process, _ in ranks], patience=0.0)
        os._exit(1)


def _end_ranks(processes: Sequence[subprocess.Popen], patience: float) -> None:
    until = time.monotonic() + patience
    for process in processes:
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_lost_rank(error: Exception) -> bool:
    if type(error).__module__.startswith("maflab."):
        return False
    return isinstance(error, dist.DistError) or any(sign in str(error).lower() for sign in _SIGNS_OF_A_LOST_RANK)


def _obituary(number: int, status: int, output: Path) -> str:
    lines = output.read_text(errors="replace").strip().splitlines() if output.is_file() else []
    how = f"ended with status {status}" if status > 0 else f"was killed by signal {-status}"
    said = f": {lines[-1].strip().removeprefix('maflab: ')}" if lines else ""
    return f"Process {number} of this run {how}{said} (all that it wrote is in {output})"


def _quoted(path: Path | str) -> str:
    return "'" + str(path).replace("\\", "\\\\").replace("'", "\\'") + "'"
