"""Which samples are seen, in which order and by which process.

Everything follows from (seed, epoch): no state that a resumed or a differently split run could lack. Both classes
derive from `DistributedSampler`, because Lightning replaces any other sampler by one that pads when it runs on
several processes; Lightning also calls their `set_epoch`.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DistributedSampler


class Draw(NamedTuple):
    """One sample to make. (epoch, position) names its random numbers, whoever makes it."""

    source: int  # which data set of the mixture
    item: int  # which of its samples
    epoch: int
    position: int  # in the epoch's order over all processes


class MixtureSampler(DistributedSampler):
    """Shuffled draws from several data sets by ratio, exact over an epoch, the same for any number of processes.

    Each data set is walked through in random order, without repetition until all of it was seen, across epochs:
    a set whose share of an epoch is smaller than the set continues where the epoch before stopped.

    Args:
        sizes: samples of each data set.
        ratios: the share of each in an epoch, any positive scale; None: by size.
        length: samples an epoch over all processes; None: as many as the largest data set has (the sum of all
            when `ratios` is None).
        seed, rank, world: the run's seed, and this process among how many.

    Raises:
        ValueError: empty data sets, or ratios that are not positive or not one a data set.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        ratios: Sequence[float] | None = None,
        length: int | None = None,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        if not sizes or min(sizes) < 1:
            raise ValueError(f"Every data set of a mixture needs samples; their sizes are {list(sizes)}.")
        shares = sizes if ratios is None else ratios
        if len(shares) != len(sizes) or min(shares) <= 0:
            raise ValueError(f"A mixture needs one positive ratio a data set, not {list(shares)}.")
        if length is None:
            length = sum(sizes) if ratios is None else max(sizes)
        super().__init__(range(length), world, rank, shuffle=True, seed=seed, drop_last=True)  # type: ignore[arg-type]
        self.sizes = list(sizes)
        self.quotas = quotas(shares, length)

    def __len__(self) -> int:
        return sum(self.quotas) // self.num_replicas

    def __iter__(self) -> Iterator[Draw]:
        sources = np.repeat(np.arange(len(self.sizes)), self.quotas)
        items = np.concatenate([self._items(source) for source in range(len(self.sizes))])
        order = np.random.default_rng((self.seed, self.epoch)).permutation(len(items))
        for place in range(len(self)):
            position = place * self.num_replicas + self.rank
            drawn = order[position]
            yield Draw(int(sources[drawn]), int(items[drawn]), self.epoch, position)

    def _items(self, source: int) -> NDArray[np.int64]:
        """This epoch's stretch of the endless sequence of permutations of one data set."""
        size, quota = self.sizes[source], self.quotas[source]
        start = self.epoch * quota
        rounds = range(start // size, (start + quota - 1) // size + 1)
        walk = [np.random.default_rng((self.seed, source, turn, 1)).permutation(size) for turn in rounds]
        offset = start - rounds.start * size
        return np.concatenate(walk or [np.empty(0, np.int64)])[offset : offset + quota]


class EvaluationSampler(DistributedSampler):
    """Every sample once, in order, dealt out to the processes without padding: counts may differ by one."""

    def __init__(self, size: int, rank: int = 0, world: int = 1) -> None:
        super().__init__(range(size), world, rank, shuffle=False)  # type: ignore[arg-type]
        self._rows = range(rank, size, world)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)


def quotas(shares: Sequence[float], length: int) -> list[int]:
    """Whole numbers that sum to `length` in the proportion of `shares`, by largest remainder."""
    exact = np.asarray(shares, np.float64) / np.sum(shares) * length
    whole = np.floor(exact).astype(int)
    most_lacking = np.argsort(-(exact - whole), kind="stable")
    whole[most_lacking[: length - whole.sum()]] += 1
    return whole.tolist()
