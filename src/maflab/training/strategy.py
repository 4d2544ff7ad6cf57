"""DDP for one job of many: all its processes arrive, or the first says why not."""

import os
import threading
import time
from datetime import timedelta
from typing import Any

import torch.distributed as dist
from pytorch_lightning.strategies import DDPStrategy

from maflab.training.errors import RankError
from maflab.training.ranks import JobLauncher


class JobStrategy(DDPStrategy):
    """Lightning's DDP, whose further ranks run this job alone and whose errors are told by the first rank.

    Args:
        start_timeout: seconds for all ranks to arrive. The others are DDPStrategy's.

    Raises:
        RankError: a rank has died or did not arrive. DeviceError: the port is taken.
    """

    def __init__(self, start_timeout: float = 600.0, **settings: Any) -> None:
        super().__init__(**settings)
        self._start_timeout = start_timeout

    def _configure_launcher(self) -> None:
        assert self.cluster_environment is not None
        self._launcher = JobLauncher(self.cluster_environment, self.num_processes, self.num_nodes)

    def setup_distributed(self) -> None:
        """Joins the process group; the first rank waits for the others and sees when one dies on its way."""
        assert self.cluster_environment is not None
        self.set_world_ranks()
        if not dist.is_initialized() and JobLauncher.ranks:
            self._await_ranks()
        elif not dist.is_initialized() and "MAFLAB_PARENT" in os.environ:
            self._store(is_first=False).set(f"arrived/{self.global_rank}", "1")
            _end_with_parent(int(os.environ["MAFLAB_PARENT"]))
        super().setup_distributed()

    def _await_ranks(self) -> None:
        store = self._store(is_first=True)
        keys = [f"arrived/{rank}" for rank in range(1, len(JobLauncher.ranks) + 1)]
        until = time.monotonic() + self._start_timeout
        while not store.check(keys):
            JobLauncher.check()
            if time.monotonic() > until:
                raise RankError(f"Not all {len(keys) + 1} processes have started within {self._start_timeout:.0f} s")
            time.sleep(0.2)
        self._arrivals = store  # the process group shares its server: it must live as long

    def _store(self, is_first: bool) -> dist.TCPStore:
        assert self.cluster_environment is not None
        environment = self.cluster_environment
        return dist.TCPStore(
            environment.main_address,
            environment.main_port,
            is_master=is_first,
            wait_for_workers=False,
            multi_tenant=True,
            timeout=timedelta(seconds=self._start_timeout),
        )


def _end_with_parent(parent: int) -> None:
    """Without this, ranks whose first one was killed would wait for it."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(2.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
