"""Mixtures of packs by name: exact over what an epoch shows, the same again, and clear about what is missing."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from maflab.data.augment import Augmentation
from maflab.data.datamodule import PackDataModule
from maflab.data.pack import PackError
from maflab.data.sampler import Draw

MakePack = Callable[[str, Any], Path]


def mixture(make_pack: MakePack, **settings: Any) -> PackDataModule:
    """10% of 5 records, 60% of 9 and 11 by size, 30% of 30."""
    train = {
        "few": {"path": make_pack("few.h5", 5), "ratio": 1},
        "wild": {"path": [make_pack("a.h5", 9), make_pack("b.h5", 11)], "ratio": 6},
        "many": {"path": make_pack("many.h5", 30), "ratio": 3},
        "left_out": None,
    }
    given: dict[str, Any] = {"val": train["few"]["path"], "resolution": 16, "batch_size": 4, "seed": 3} | settings
    return PackDataModule(train, **given)


def shown(data: PackDataModule, epoch: int) -> list[Draw]:
    """What the batches of an epoch consist of."""
    loader = data.train_dataloader()
    loader.sampler.set_epoch(epoch)
    return [draw for batch in loader.batch_sampler for draw in batch]


def test_batches_keep_the_ratios_exactly(make_pack: MakePack) -> None:
    """43 samples are 10 batches of 4: the ratios hold for the 40 that are shown."""
    data = mixture(make_pack, epoch_length=43)
    data.setup("fit")
    for epoch in range(3):
        draws = shown(data, epoch)
        assert Counter(draw.source for draw in draws) == {0: 4, 1: 11, 2: 13, 3: 12}
        assert len(set(draws)) == 40


def test_the_order_follows_from_seed_and_epoch(make_pack: MakePack) -> None:
    orders = []
    for seed in (3, 3, 4):
        data = mixture(make_pack, seed=seed)
        data.setup("fit")
        orders.append([shown(data, epoch) for epoch in range(2)])
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    assert orders[0][0] != orders[0][1]


def test_two_processes_share_an_epoch(make_pack: MakePack) -> None:
    parts = []
    for rank in range(2):
        data = mixture(make_pack, epoch_length=43)
        data.setup("fit")
        data.trainer = SimpleNamespace(  # type: ignore[assignment]
            global_rank=rank, world_size=2, strategy=SimpleNamespace(root_device=SimpleNamespace(type="cpu"))
        )
        parts.append(shown(data, 1))
    assert [len(part) for part in parts] == [20, 20]
    assert not {draw.position for draw in parts[0]} & {draw.position for draw in parts[1]}
    assert Counter(draw.source for part in parts for draw in part) == {0: 4, 1: 11, 2: 13, 3: 12}
    # A process more changes who makes a sample, not which are made.
    alone = mixture(make_pack, epoch_length=40)
    alone.setup("fit")
    assert sorted(parts[0] + parts[1], key=lambda draw: draw.position) == shown(alone, 1)


def test_all_missing_packs_are_told_at_once(make_pack: MakePack, tmp_path: Path) -> None:
    train = {
        "wild": {"path": [tmp_path / "coco" / "train.h5", make_pack("a.h5", 9)], "ratio": 0.6},
        "h36m": {"path": tmp_path / "h36m" / "train.h5", "ratio": 0.4},
    }
    made_by = {"train": "python prepare.py source={set}", "val": "python prepare.py source=walks_val"}
    data = PackDataModule(train, tmp_path / "walks" / "val.h5", resolution=16, batch_size=2, made_by=made_by)
    with pytest.raises(PackError) as caught:
        data.setup("fit")
    message = str(caught.value)
    assert "3 of 4 packs are missing" in message
    for said in ("coco/train.h5", "h36m/train.h5", "walks/val.h5", "source=coco`", "source=h36m`", "source=walks_val`"):
        assert said in message


@pytest.mark.parametrize("train", [{}, {"a": None}, {"a": {"ratio": 1}}, {"a": "a.h5"}])
def test_named_mixtures_that_make_no_sense_are_refused(train: Any) -> None:
    with pytest.raises(ValueError, match="training mixture"):
        PackDataModule(train, val="a.h5", resolution=16, batch_size=4, augmentation=Augmentation())
