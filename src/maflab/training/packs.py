"""Packs before a run: those of synthetic people are made where they are not there yet, others are looked for."""

import dataclasses
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from maflab.body.model import BodyModel
from maflab.data.datamodule import PackDataModule
from maflab.data.pack_format import PackError
from maflab.data.pack_reader import PackReader
from maflab.data.synthetic import Recipe, generate_pack
from maflab.data.synthetic.generate import body_digest

log = logging.getLogger(__name__)

_SPLITS = ("train", "val", "test")


def make_packs(
    body: BodyModel,
    folder: str | Path,
    counts: Mapping[str, int],
    size: int,
    seed: int = 0,
    workers: int | None = None,
    recipe: Mapping[str, Any] | None = None,
) -> None:
    """Make `folder/<split>.h5` for each split, unless it was made before from the same numbers.

    Args:
        body: the body to photograph.
        folder: where the packs go.
        counts: pictures a split (`train`, `val`, `test`).
        size: side of the pictures in pixels.
        seed: of the pictures; a split has other pictures than the next with the same seed.
        workers: processes; None: one a core.
        recipe: settings of `maflab.data.synthetic.Recipe` that differ from its own.

    Raises:
        ValueError: a split of another name, or a setting that a recipe does not have.
        PackError: a pack could not be made.
    """
    if unknown := set(counts) - set(_SPLITS):
        raise ValueError(f"data.prepare.counts has {', '.join(sorted(unknown))}; the splits are {', '.join(_SPLITS)}")
    known = {field.name for field in dataclasses.fields(Recipe)}
    if unknown := set(recipe or {}) - known:
        raise ValueError(f"data.prepare.recipe has {', '.join(sorted(unknown))}; it takes {', '.join(sorted(known))}")
    settings: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in (recipe or {}).items()}
    drawn_from = Recipe(**settings)
    made_from = {"seed": seed, "size": size, "body": body_digest(body.arrays), "recipe": _as_stored(drawn_from)}
    workers = len(os.sched_getaffinity(0)) if workers is None else workers
    for split, count in counts.items():
        path = Path(folder) / f"{split}.h5"
        wanted = made_from | {"split": split, "count": count}
        if not _is_made(path, wanted):
            log.info("making %d pictures of synthetic people: %s", count, path)
            generate_pack(path, body, count, seed, size, workers, split, drawn_from, _Tenths(split))


def check_packs(datamodule: pl.LightningDataModule, *splits: str) -> None:
    """Stop before the work where packs of these splits are missing; raises PackError with what makes them."""
    if isinstance(datamodule, PackDataModule):
        datamodule.check_packs(*splits)


class _Tenths:
    """Tells of progress at every tenth."""

    def __init__(self, split: str) -> None:
        self.split = split
        self.told = 0

    def __call__(self, done: int, count: int) -> None:
        if done * 10 // count > self.told:
            self.told = done * 10 // count
            log.info("%s: %d of %d pictures", self.split, done, count)


def _as_stored(recipe: Recipe) -> dict[str, Any]:
    """As it stands in a pack's attributes, where tuples are lists."""
    return json.loads(json.dumps(dataclasses.asdict(recipe)))


def _is_made(path: Path, wanted: dict[str, object]) -> bool:
    if not path.is_file():
        return False
    try:
        recipe = PackReader(path).attributes["recipe"]
    except PackError as error:
        log.warning("%s: it is made again", error)
        return False
    return all(recipe.get(key) == value for key, value in wanted.items())
