"""The data module: the same batches whatever the workers, the processes or an interruption."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import find_free_network_port
from numpy.testing import assert_array_equal
from torch import Tensor, nn

from maflab.data.augment import Augmentation
from maflab.data.datamodule import PackDataModule
from maflab.data.pack import PackError
from maflab.structures import Batch

MakePack = Callable[[str, Any], Path]


class Recorder(pl.LightningModule):
    """A model that notes what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.trained: list[tuple[int, list[int], float]] = []
        self.evaluated: list[int] = []

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        self.trained.append((self.current_epoch, batch.index.tolist(), float(batch.image.double().sum())))
        return self.layer(batch.betas[:, :1]).square().mean() + torch.rand(()) * 0

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.evaluated += batch.index.tolist()

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self.evaluated += batch.index.tolist()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01)


def make_module(pack: Any, **settings: Any) -> PackDataModule:
    defaults: dict[str, Any] = dict(val=pack, resolution=32, batch_size=4, augmentation=Augmentation(), seed=7)
    return PackDataModule(pack, **defaults | settings)


def fit(data: PackDataModule, folder: Path, epochs: int, resume: Path | None = None, **settings: Any) -> Recorder:
    model = Recorder()
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=folder,
        callbacks=[pl.callbacks.ModelCheckpoint(folder, filename="{epoch}", save_top_k=-1)],
        **settings,
    )
    trainer.fit(model, data, ckpt_path=resume)
    return model


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_training_is_the_same_resumed_and_with_workers(tiny_pack: Path, tmp_path: Path) -> None:
    whole = fit(make_module(tiny_pack), tmp_path / "whole", 3)
    assert [epoch for epoch, _, _ in whole.trained] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert len({total for _, _, total in whole.trained}) == 9

    torch.manual_seed(99)  # nothing may depend on the global state
    workers = fit(make_module(tiny_pack, workers=2), tmp_path / "workers", 3)
    assert workers.trained == whole.trained

    resumed = fit(make_module(tiny_pack), tmp_path / "resumed", 3, resume=tmp_path / "whole" / "epoch=0.ckpt")
    assert resumed.trained == whole.trained[3:]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_overfitting_sees_the_same_pictures_each_epoch(tiny_pack: Path, tmp_path: Path) -> None:
    model = fit(make_module(tiny_pack), tmp_path, 2, overfit_batches=1)
    assert len(model.trained) == 2
    assert model.trained[0][1:] == model.trained[1][1:]


def test_workers_and_dropout_do_not_share_random_numbers(tiny_pack: Path) -> None:
    data = make_module(tiny_pack, workers=1)
    data.setup("fit")
    state = torch.get_rng_state()
    next(iter(data.train_dataloader()))
    assert_array_equal(torch.get_rng_state(), state)


def test_evaluation_is_plain_and_complete(tiny_pack: Path) -> None:
    data = make_module(tiny_pack, batch_size=5, eval_batch_size=7, limit_test=3)
    data.setup()
    rows = [batch.index.tolist() for batch in data.val_dataloader()]
    assert rows == [list(range(7)), list(range(7, 12))]
    assert [batch.index.tolist() for batch in data.test_dataloader()] == [[0, 4, 8]]
    assert_array_equal(next(iter(data.val_dataloader())).image[2], data.val_set[2].image)


def test_a_mixture_by_ratio(make_pack: MakePack) -> None:
    small, large, wild = make_pack("small.h5", 4), make_pack("large.h5", 40), make_pack("wild.h5", 12)
    train = [{"path": small, "ratio": 0.25}, {"path": [str(large), str(wild)], "ratio": 0.75}]
    data = PackDataModule(train, val=small, resolution=16, batch_size=4, epoch_length=52)
    data.setup("fit")
    assert data.train_dataloader().sampler.quotas == [13, 30, 9]
    assert len(data.train_dataloader()) == 13


def test_without_ratios_packs_are_drawn_by_size(make_pack: MakePack) -> None:
    train = [{"path": make_pack("a.h5", 4)}, {"path": make_pack("b.h5", 9)}]
    data = PackDataModule(train, val=train[0]["path"], resolution=16, batch_size=4, limit_train=5)
    data.setup("fit")
    assert data.train_dataloader().sampler.quotas == [4, 5]


def test_prepare_makes_the_packs(make_pack: MakePack, tmp_path: Path) -> None:
    pack = tmp_path / "made.h5"
    data = make_module(pack, prepare=lambda: make_pack("made.h5", 5))
    with pytest.raises(PackError, match="no pack"):
        data.setup("fit")
    data.prepare_data()
    data.setup("fit")
    assert len(next(iter(data.train_dataloader())).index) == 4


def test_less_than_a_batch_is_refused(tiny_pack: Path) -> None:
    data = make_module(tiny_pack, batch_size=64)
    data.setup("fit")
    with pytest.raises(PackError, match="fewer than one batch of 64"):
        data.train_dataloader()


@pytest.mark.parametrize("train", [[], [{"pack": "a.h5"}], [{"path": "a.h5", "weight": 1}]])
def test_mixtures_that_make_no_sense_are_refused(train: list[Any]) -> None:
    with pytest.raises(ValueError, match="training mixture"):
        PackDataModule(train, val="a.h5", resolution=16, batch_size=4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_two_processes_see_each_sample_once(
    make_pack: MakePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lightning must not swap our samplers for its own padding one."""
    monkeypatch.setenv("MASTER_PORT", str(find_free_network_port()))  # Lightning would leave its own in place
    model, data = Recorder(), make_module(make_pack("a.h5", 11), batch_size=3, prepare=None)
    settings = dict(accelerator="cpu", devices=2, strategy="ddp_fork", logger=False, default_root_dir=tmp_path)
    trainer = pl.Trainer(**settings, max_epochs=1, enable_progress_bar=False, callbacks=[Tell(tmp_path)])
    trainer.fit(model, data)
    shown = [torch.load(tmp_path / f"rank{rank}.pt") for rank in range(2)]
    assert sorted(shown[0]["evaluated"] + shown[1]["evaluated"]) == list(range(11))
    trained = [[row for _, rows, _ in one["trained"] for row in rows] for one in shown]
    assert len(trained[0]) == len(trained[1]) == 3
    assert not set(trained[0]) & set(trained[1])


class Tell(pl.Callback):
    """Writes what each process saw."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_validation_start(self, trainer: pl.Trainer, model: pl.LightningModule) -> None:
        model.evaluated.clear()

    def on_fit_end(self, trainer: pl.Trainer, model: pl.LightningModule) -> None:
        seen = {"trained": model.trained, "evaluated": model.evaluated}
        torch.save(seen, self.folder / f"rank{trainer.global_rank}.pt")
