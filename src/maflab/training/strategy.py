"""DDP for one job of many: all its processes arrive, or the first says why not."""

import os
import threading
import time
from datetime import timedelta
from typing import Any

import torch.distributed as dist
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
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
        """Joins the process group of this job; the first rank waits for all and sees when one dies on its way."""
        self.set_world_ranks()
        if not dist.is_initialized():
            ours = JobLauncher.started or "MAFLAB_PARENT" in os.environ
            dist.init_process_group(
                self._get_process_group_backend(),
                timeout=self._timeout,
                world_size=self.world_size,
                rank=self.global_rank,
                store=self._meet() if ours else self._met(),
                device_id=None if self.root_device.type == "cpu" else self.root_device,
            )
        super().setup_distributed()

    def _meet(self) -> dist.Store:
        """Where the ranks that we have started find each other, once all have arrived.

        Its server ends with the job, whoever still holds a client: the next job may have been given the same port.
        """
        if "MAFLAB_PARENT" in os.environ:
            _end_with_parent(int(os.environ["MAFLAB_PARENT"]))
        if self.global_rank > 0:
            store = self._store()
            store.set(f"arrived/{self.global_rank}", "1")
            return store
        JobLauncher.server = self._store(is_server=True)
        store = self._store()
        self._await_ranks(store)
        return store

    def _met(self) -> dist.Store:
        """Where ranks that SLURM or torchrun has started meet: torchrun's one store serves all jobs of a multirun."""
        assert self.cluster_environment is not None
        at = self.cluster_environment  # SLURM's tells neither in the environment
        os.environ |= {"MASTER_ADDR": at.main_address, "MASTER_PORT": str(at.main_port)}
        store, _, _ = next(dist.rendezvous("env://", self.global_rank, self.world_size, timeout=self._timeout))
        of_many = HydraConfig.initialized() and HydraConfig.get().mode is RunMode.MULTIRUN
        return dist.PrefixStore(f"job{HydraConfig.get().job.num}", store) if of_many else store

    def _await_ranks(self, store: dist.Store) -> None:
        keys = [f"arrived/{rank}" for rank in range(1, self.world_size)]
        until = time.monotonic() + self._start_timeout
        while keys and not store.check(keys):
            JobLauncher.check()
            if time.monotonic() > until:
                raise RankError(f"Not all {self.world_size} processes have started within {self._start_timeout:.0f} s")
            time.sleep(0.2)

    def _store(self, is_server: bool = False) -> dist.TCPStore:
        assert self.cluster_environment is not None
        environment = self.cluster_environment
        return dist.TCPStore(
            environment.main_address,
            environment.main_port,
            is_master=is_server,
            wait_for_workers=False,
            timeout=timedelta(seconds=self._start_timeout),
        )


def _end_with_parent(parent: int) -> None:
    """Without this, ranks whose first one was killed would wait for it."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(2.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
