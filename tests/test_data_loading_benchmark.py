"""The benchmark of data loading compares like with like: the plain way and a pack show the network the same crop."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from maflab.data.dataset import PackDataset

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "data_loading.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("data_loading", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_all_ways_cut_the_same_crop(benchmark: ModuleType, tmp_path: Path) -> None:
    sources = benchmark.make_sources(1)
    benchmark.make_pack(tmp_path / "train.h5", sources)
    plain = benchmark.plain(sources[0], 224)
    packed = PackDataset(tmp_path / "train.h5", 224)[0].image
    assert plain.shape == packed.shape == benchmark.published(sources[0], 224, np.random.default_rng(0), True).shape
    assert smooth_difference(plain, packed) < 0.1
    assert smooth_difference(plain, packed.flip(-1)) > 0.3


def smooth_difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """Mean difference of blocks of 8 x 8 pixels, in deviations of ImageNet's colours."""
    blocks = [torch.nn.functional.avg_pool2d(image[None], 8) for image in (one, other)]
    return float((blocks[0] - blocks[1]).abs().mean())


def test_the_verdict_is_the_ratio(benchmark: ModuleType) -> None:
    times = {"published, not turned": 80.0, "published, turned": 139.0, "plain": 8.0, "maflab": 1.6}
    assert benchmark.report(times, 224).endswith("met (5.0)")
    assert benchmark.report(times | {"maflab": 4.0}, 224).endswith("missed (2.0)")
