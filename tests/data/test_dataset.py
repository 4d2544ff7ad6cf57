"""Packs as data sets, and the order in which samplers walk them."""

import pickle
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch.utils.data import DataLoader

from maflab.data.augment import Augmentation
from maflab.data.dataset import PackDataset, PackMixture
from maflab.data.pack import PackError
from maflab.data.sampler import Draw, EvaluationSampler, MixtureSampler, quotas
from maflab.geometry.cameras import project
from maflab.structures import Batch

MakePack = Callable[[str, Any], Path]


def test_items_collate_to_a_batch(tiny_pack: Path) -> None:
    batch = next(iter(DataLoader(PackDataset(tiny_pack, 64), batch_size=5)))
    assert isinstance(batch, Batch)
    assert {name: (tuple(value.shape), value.dtype) for name, value in batch._asdict().items()} == {
        "image": ((5, 3, 64, 64), torch.float32),
        "keypoints_2d": ((5, 49, 3), torch.float32),
        "joints_3d": ((5, 24, 4), torch.float32),
        "rotations": ((5, 24, 3, 3), torch.float32),
        "betas": ((5, 10), torch.float32),
        "has_pose": ((5,), torch.float32),
        "has_betas": ((5,), torch.float32),
        "has_joints_3d": ((5,), torch.float32),
        "gender": ((5,), torch.int64),
        "index": ((5,), torch.int64),
    }
    assert batch.index.tolist() == [0, 1, 2, 3, 4]
    assert batch.gender.tolist() == [-1, 0, 1, -1, 0]
    assert batch.image.is_contiguous()


def test_the_stored_camera_projects_the_body_on_the_key_points(tiny_pack: Path, tiny_body: Any) -> None:
    dataset = PackDataset(tiny_pack, 64)
    for item in range(len(dataset)):
        sample = dataset[item]
        keypoints = tiny_body.keypoints(tiny_body(sample.rotations[None], sample.betas[None]))
        camera = torch.from_numpy(dataset.reader.labels["camera"][item])[None]
        assert_allclose(project(keypoints, camera)[0], sample.keypoints_2d[:, :2], atol=1e-4)


@pytest.mark.parametrize("resolution", [64, 50, 25, 12])
def test_reduced_decoding_keeps_the_picture_in_place(tiny_pack: Path, resolution: int) -> None:
    """A small crop, decoded at 1/2 to 1/8, shows what averaging the large crop shows."""
    small = PackDataset(tiny_pack, resolution)[0].image
    fine = 8 * (resolution - 1) + 1  # border pixels of both lie on the same points
    large = PackDataset(tiny_pack, fine)[0].image
    smooth = torch.nn.functional.avg_pool2d(large[None], 9, 8, 4, count_include_pad=False)[0]

    def centroid(image: torch.Tensor) -> torch.Tensor:
        weight = (image - image.amin()).sum(0)
        grid = torch.linspace(-1, 1, resolution)
        return torch.stack(((weight.sum(0) * grid).sum(), (weight.sum(1) * grid).sum())) / weight.sum()

    assert (centroid(small) - centroid(smooth)).abs().max() * (resolution - 1) / 2 < 0.1  # pixels of the crop
    assert (small - smooth).abs().mean() < 0.15  # of values with a spread near 1


def test_limit_spreads_evenly_and_indices_pick_rows(tiny_pack: Path) -> None:
    assert PackDataset(tiny_pack, 32, limit=4).rows.tolist() == [0, 3, 6, 9]
    assert PackDataset(tiny_pack, 32, limit=400).rows.tolist() == list(range(12))
    picked = PackDataset(tiny_pack, 32, indices=[7, 2])
    assert [int(picked[item].index) for item in range(2)] == [7, 2]


def test_samples_follow_from_seed_epoch_and_position_alone(tiny_pack: Path) -> None:
    def make(seed: int) -> PackDataset:
        return PackDataset(tiny_pack, 32, Augmentation(), seed=seed)

    first = make(1).sample(3, epoch=2, position=5)
    restored = pickle.loads(pickle.dumps(make(1))).sample(3, epoch=2, position=5)
    for one, other in zip(first, restored, strict=True):
        assert_array_equal(one, other)
    for other in (make(2).sample(3, 2, 5), make(1).sample(3, 1, 5), make(1).sample(3, 2, 6)):
        assert not torch.equal(first.image, other.image)


def test_absent_labels_stay_zero_under_augmentation(make_pack: MakePack, tiny_records: list[dict[str, Any]]) -> None:
    bare = {key: tiny_records[0][key] for key in ("jpeg", "center", "size")}
    sample = PackDataset(make_pack("bare.h5", [bare]), 32, Augmentation(), seed=4)[0]
    assert not sample.keypoints_2d.any()
    assert not sample.joints_3d.any()
    assert not sample.betas.any()
    assert (sample.has_pose, sample.has_betas, sample.has_joints_3d) == (0, 0, 0)
    assert all(torch.isfinite(value).all() for value in sample)


def test_an_empty_pack_is_refused(make_pack: MakePack) -> None:
    with pytest.raises(PackError, match=r"empty\.h5 gives no samples"):
        PackDataset(make_pack("empty.h5", 0), 32)


def test_rows_that_are_not_there_are_refused(tiny_pack: Path) -> None:
    with pytest.raises(PackError, match="has 12 rows; rows 3 to 12"):
        PackDataset(tiny_pack, 32, indices=[3, 12])


def test_a_bad_picture_in_a_worker_names_pack_and_row(make_pack: MakePack, tiny_records: list[dict[str, Any]]) -> None:
    path = make_pack("a.h5", [tiny_records[0], tiny_records[1] | {"jpeg": b"\xff\xd8 no picture"}])
    with pytest.raises(PackError, match=r"a\.h5: the picture of row 1"):
        list(DataLoader(PackDataset(path, 32), batch_size=1, num_workers=1))


def test_a_mixture_counts_through_its_data_sets(tiny_pack: Path) -> None:
    mixture = PackMixture([PackDataset(tiny_pack, 32, indices=[1, 2]), PackDataset(tiny_pack, 32, indices=[7])])
    assert [int(mixture[item].index) for item in range(len(mixture))] == [1, 2, 7]
    assert int(mixture[Draw(source=1, item=0, epoch=3, position=0)].index) == 7
    with pytest.raises(IndexError, match="3 samples"):
        mixture[3]


def test_quotas_sum_exactly() -> None:
    assert quotas([0.3, 0.6, 0.1], 1001) == [300, 601, 100]
    assert quotas([1, 1, 1], 10) == [4, 3, 3]
    rng = np.random.default_rng(0)
    for _ in range(100):
        shares, length = rng.random(5) + 1e-3, int(rng.integers(1, 10_000))
        counts = quotas(shares, length)
        assert sum(counts) == length
        assert np.abs(np.array(counts) - shares / shares.sum() * length).max() < 1


def test_a_mixture_draws_by_ratio_and_without_repetition() -> None:
    sampler = MixtureSampler([1000, 50, 7], [0.5, 0.3, 0.2], length=100, seed=1)
    seen: Counter[tuple[int, int]] = Counter()
    for epoch in range(20):
        sampler.set_epoch(epoch)
        draws = list(sampler)
        assert Counter(draw.source for draw in draws) == {0: 50, 1: 30, 2: 20}
        assert [draw.position for draw in draws] == list(range(100))
        seen.update((draw.source, draw.item) for draw in draws)
    for source, size, drawn in ((0, 1000, 1000), (1, 50, 600), (2, 7, 400)):
        counts = [seen[source, item] for item in range(size)]
        assert max(counts) - min(counts) <= 1
        assert sum(counts) == drawn


def test_lengths_of_an_epoch() -> None:
    assert len(MixtureSampler([30, 12])) == 42
    assert len(MixtureSampler([30, 12], [1, 1])) == 30
    assert len(MixtureSampler([30, 12], length=9)) == 9
    assert len(MixtureSampler([30, 12], world=4)) == 10


@pytest.mark.parametrize("world", [2, 3, 8])
def test_processes_share_an_epoch_without_overlap(world: int) -> None:
    def draws(rank: int, world: int) -> list[Draw]:
        sampler = MixtureSampler([40, 13], [2, 1], seed=5, rank=rank, world=world)
        sampler.set_epoch(3)
        assert len(list(sampler)) == len(sampler)
        return list(sampler)

    together = [draw for step in zip(*(draws(rank, world) for rank in range(world)), strict=True) for draw in step]
    assert together == draws(0, 1)[: len(together)]
    assert 40 - len(together) < world


def test_order_follows_from_seed_and_epoch() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        sampler = MixtureSampler([50], seed=seed)
        sampler.set_epoch(epoch)
        return [draw.item for draw in sampler]

    assert order(1, 2) == order(1, 2)
    assert len({tuple(order(seed, epoch)) for seed in range(3) for epoch in range(3)}) == 9
    assert sorted(order(0, 4)) == list(range(50))


@pytest.mark.parametrize(("sizes", "ratios"), [([], None), ([3, 0], None), ([3, 3], [1]), ([3, 3], [1, 0])])
def test_mixtures_that_cannot_be_drawn_are_refused(sizes: list[int], ratios: list[float] | None) -> None:
    with pytest.raises(ValueError, match="mixture"):
        MixtureSampler(sizes, ratios)


@pytest.mark.parametrize(("size", "world"), [(10, 1), (10, 3), (9, 3), (2, 4)])
def test_evaluation_shows_each_sample_once(size: int, world: int) -> None:
    samplers = [EvaluationSampler(size, rank, world) for rank in range(world)]
    shown = [row for sampler in samplers for row in sampler]
    assert sorted(shown) == list(range(size))
    assert [len(sampler) for sampler in samplers] == [len(list(sampler)) for sampler in samplers]
