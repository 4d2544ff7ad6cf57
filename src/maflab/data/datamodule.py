"""The Lightning data module over packs."""

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from maflab.data.augment import Augmentation
from maflab.data.dataset import PackDataset, PackMixture
from maflab.data.pack_format import PackError
from maflab.data.protocol import Protocol
from maflab.data.sampler import EvaluationSampler, MixtureSampler
from maflab.geometry.cameras import CROP_PIXELS
from maflab.structures import Batch

_CONTEXT = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"


class PackDataModule(pl.LightningDataModule):
    """Training on a mixture of packs, evaluation on one.

    The order and the augmentation of training follow from (seed, epoch): a run resumed at an epoch sees what the
    uninterrupted one would have seen. Evaluation shows every sample exactly once, on any number of processes.

    Args:
        train: a pack, or the packs of a mixture as `{path, ratio}`, in a list or by names of one's own (a name that is
            None is left out); a `path` may be a list of packs that share the ratio by size. Without ratios packs are
            drawn by size.
        val: the pack that models are chosen on.
        test: the pack of the final figures; None: `val`.
        resolution: the crop's side in pixels; None: 224, the field's.
        batch_size: training samples a process and step.
        eval_batch_size: None: `batch_size`.
        workers: processes a loader; 0 decodes in the training process.
        augmentation: of training samples.
        seed: of order and augmentation.
        epoch_length: training samples an epoch over all processes; None: see `MixtureSampler`.
        limit_train, limit_val, limit_test: at most so many samples of each pack.
        prepare: called once on each machine before the packs are opened; makes those that are made, not fetched.
        protocol: how the evaluation packs are measured; None: as training is watched, see `protocol.DEFAULT`.
        made_by: the command that makes the pack of a split, `train`, `val` or `test`, told where it is missing; `{set}`
            in it stands for the pack's folder.

    Raises:
        PackError: in `setup`, if a pack cannot be used, or training would not fill one batch.
    """

    def __init__(
        self,
        train: str | Path | Sequence[Mapping[str, Any]] | Mapping[str, Mapping[str, Any] | None],
        val: str | Path,
        test: str | Path | None = None,
        *,
        resolution: int | None,
        batch_size: int,
        eval_batch_size: int | None = None,
        workers: int = 0,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        epoch_length: int | None = None,
        limit_train: int | None = None,
        limit_val: int | None = None,
        limit_test: int | None = None,
        prepare: Callable[[], object] | None = None,
        protocol: Protocol | None = None,
        made_by: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.train_sources = _sources(train)
        self.val = val
        self.test = val if test is None else test
        self.resolution = resolution or CROP_PIXELS
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size or batch_size
        self.workers = workers
        self.augmentation = augmentation
        self.seed = seed
        self.epoch_length = epoch_length
        self.limits = {"train": limit_train, "val": limit_val, "test": limit_test}
        self.prepare = prepare
        self.protocol = protocol
        self.made_by = dict(made_by or {})
        self.train_set: PackMixture | None = None
        self.val_set: PackDataset | None = None
        self.test_set: PackDataset | None = None

    def prepare_data(self) -> None:
        if self.prepare is not None:
            self.prepare()

    def setup(self, stage: str | None = None) -> None:
        if stage in ("fit", None) and self.train_set is None:
            self.check_packs("train", "val")
            self.train_set = PackMixture(
                [
                    PackDataset(path, self.resolution, self.augmentation, limit=self.limits["train"], seed=self.seed)
                    for paths, _ in self.train_sources
                    for path in paths
                ]
            )
        if stage in ("fit", "validate", None) and self.val_set is None:
            self.val_set = self._evaluated(self.val, "val")
        if stage in ("test", "predict", None) and self.test_set is None:
            self.test_set = self._evaluated(self.test, "test")

    def train_dataloader(self) -> DataLoader[Batch]:
        assert self.train_set is not None, "setup('fit') comes first"
        rank, world = self._process()
        sizes, ratios = [len(dataset) for dataset in self.train_set.datasets], self._ratios()
        length = self.epoch_length
        if ratios is not None:
            # Whole batches of all processes: what a loader drops at the end would blur the ratios.
            length, step = length or max(sizes), self.batch_size * world
            length -= length % step if length >= step else 0
        sampler = MixtureSampler(
            sizes,
            ratios,
            length,
            seed=self.seed,
            rank=rank,
            world=world,
        )
        if len(sampler) < self.batch_size:
            raise PackError(
                f"Training has {len(sampler)} samples an epoch for each process, fewer than one batch of "
                f"{self.batch_size}; lower the batch size or raise the limits."
            )
        return self._loader(self.train_set, sampler, self.batch_size, drop_last=True)

    def val_dataloader(self) -> DataLoader[Batch]:
        return self._evaluation(self.val_set)

    def test_dataloader(self) -> DataLoader[Batch]:
        return self._evaluation(self.test_set)

    def predict_dataloader(self) -> DataLoader[Batch]:
        return self._evaluation(self.test_set)

    def check_packs(self, *splits: str) -> None:
        """Tells of all packs that are missing at once, before any work; packs that `prepare` makes are not looked for.

        Args:
            splits: `train`, `val`, `test`.

        Raises:
            PackError: with the commands that make them.
        """
        if self.prepare is not None:
            return
        wanted = {
            "train": [path for paths, _ in self.train_sources for path in paths],
            "val": [self.val],
            "test": [self.test],
        }
        packs = {Path(path): split for split in splits for path in wanted[split]}
        missing = {path: split for path, split in packs.items() if not path.is_file()}
        if not missing:
            return
        commands = dict.fromkeys(
            self.made_by.get(split, "python prepare.py source=...").format(set=path.parent.name)
            for path, split in missing.items()
        )
        where = f"There is no pack {next(iter(missing))}"
        if len(packs) > 1:
            where = f"{len(missing)} of {len(packs)} packs are missing ({', '.join(map(str, missing))})"
        out = ", or leave one out of the mixture with data.train.NAME=null" if "train" in missing.values() else ""
        raise PackError(f"{where}; made by `{'`, `'.join(commands)}` (docs/data.md){out}")

    def _evaluated(self, path: str | Path, split: str) -> PackDataset:
        self.check_packs(split)
        return PackDataset(path, self.resolution, limit=self.limits[split])

    def _evaluation(self, dataset: PackDataset | None) -> DataLoader[Batch]:
        assert dataset is not None, "setup comes first"
        return self._loader(dataset, EvaluationSampler(len(dataset), *self._process()), self.eval_batch_size)

    def _loader(
        self,
        dataset: PackMixture | PackDataset,
        sampler: MixtureSampler | EvaluationSampler,
        batch_size: int,
        drop_last: bool = False,
    ) -> DataLoader[Batch]:
        return DataLoader(
            dataset,
            batch_size=batch_size,
            sampler=sampler,
            num_workers=self.workers,
            drop_last=drop_last,
            pin_memory=self._on_cuda(),
            persistent_workers=self.workers > 0,
            # Said by name: in a job of joblib's launcher the default is its own way, which workers cannot start by.
            multiprocessing_context=_CONTEXT if self.workers else None,
            worker_init_fn=_start_worker,
            # Its own generator, or starting the workers would draw from the global one that dropout uses.
            generator=torch.Generator().manual_seed(self.seed),
        )

    def _ratios(self) -> list[float] | None:
        """One ratio a pack: packs that share an entry share its ratio by their size."""
        if all(ratio is None for _, ratio in self.train_sources):
            return None
        assert self.train_set is not None
        sizes = iter(len(dataset) for dataset in self.train_set.datasets)
        ratios = []
        for paths, ratio in self.train_sources:
            if ratio is None:
                raise PackError(f"The training mixture gives {paths[0]} no ratio but others one; give all or none.")
            shares = [next(sizes) for _ in paths]
            ratios += [ratio * share / sum(shares) for share in shares]
        return ratios

    def _process(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer is not None else (0, 1)

    def _on_cuda(self) -> bool:
        return self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"


def _sources(
    train: str | Path | Sequence[Mapping[str, Any]] | Mapping[str, Mapping[str, Any] | None],
) -> list[tuple[list[str | Path], float | None]]:
    if isinstance(train, str | Path):
        return [([train], None)]
    sources = []
    for entry in train.values() if isinstance(train, Mapping) else train:
        if entry is None:
            continue
        if not isinstance(entry, Mapping) or set(entry) - {"path", "ratio"} or "path" not in entry:
            raise ValueError(f"An entry of the training mixture is {{path, ratio}}, not {entry}.")
        path = entry["path"]
        sources.append(([path] if isinstance(path, str | Path) else list(path), entry.get("ratio")))
    if not sources:
        raise ValueError("The training mixture is empty; name at least one pack.")
    return sources


def _start_worker(_: int) -> None:
    # Each tensor by its name: to pass a file descriptor takes a connection of its own, milliseconds a batch.
    torch.multiprocessing.set_sharing_strategy("file_system")
    # Workers are the parallelism; OpenCV's own threads would only fight over the cores.
    cv2.setNumThreads(0)
