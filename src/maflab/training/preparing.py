"""The command `prepare`: the body and the packs of synthetic people, or the pack of a data set on disk."""

import contextlib
import json
import logging
import os
import time
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from maflab.body.arrays import BodyFileError
from maflab.body.load import load_body
from maflab.body.model import BodyModel
from maflab.data.pack_format import PackError
from maflab.data.pack_reader import PackReader
from maflab.data.prepare import CropSettings, LabelledSet, convert
from maflab.data.prepare.checks import MENDABLE
from maflab.data.prepare.labelled_set import SPLITS
from maflab.data.prepare.origin import made_from
from maflab.data.prepare.sheet import Painter
from maflab.data.prepare.summary import Summary, summarise, summary_path, summary_table, write_summary
from maflab.data.prepare.tally import Tally
from maflab.training.build import build_body, build_datamodule, build_source, read_source
from maflab.training.errors import OverrideError

log = logging.getLogger(__name__)

_SECONDS_A_LINE = 10.0


def prepare(config: DictConfig) -> None:
    """Make the pack of `config.source`, or without one the body and the packs of `config.data`, unless they are there.

    Args:
        config: composed from `conf/prepare.yaml`.

    Raises:
        OverrideError: a setting that a part refuses. SourceError, PackError: see `maflab.data.prepare.convert`.
    """
    if config.source is not None:
        prepare_source(config)
        return
    body = build_body(config)
    log.info("body: %s, %d vertices", body.name, body.num_vertices)
    datamodule = build_datamodule(config, body)
    datamodule.prepare_data()
    datamodule.setup(None)  # type: ignore[arg-type]
    for split in SPLITS:
        log.info("%s: %d samples", split, len(getattr(datamodule, f"{split}_set")))


def prepare_source(config: DictConfig) -> Summary:
    """Make the pack of `config.source` at `<packs>/<set>/<split>.h5`, with its summary and its sheet.

    A pack that was made before from the same files and settings stays, unless it lacks people whose pictures were
    missing then.

    Returns:
        What `<split>.summary.json` holds.
    """
    labelled = build_source(config)
    if labelled.split not in SPLITS or not labelled.set or Path(labelled.set).name != labelled.set:
        raise OverrideError(
            f"source.split must be one of {', '.join(SPLITS)} and source.set the name of a folder, not "
            f"{labelled.split!r} and {labelled.set!r}"
        )
    try:
        crops = CropSettings(**config.crops)
    except ValueError as error:
        raise OverrideError(f"crops: {error}") from error
    path = Path(config.paths.packs) / labelled.set / f"{labelled.split}.h5"
    people = read_source(labelled)
    if (earlier := _made_before(path, made_from(labelled, crops, config.limit))) is not None:
        log.info("%s is there already, with %d people", path, earlier["people_in_pack"])
        return earlier
    log.info("%s %s: %d people in %s", labelled.set, labelled.split, len(people), labelled.labels)
    workers = len(os.sched_getaffinity(0)) if config.workers is None else config.workers
    started = time.monotonic()
    tally = convert(path, labelled, people, crops, workers, config.limit, _Lines(f"{labelled.set} {labelled.split}"))
    seconds = time.monotonic() - started
    # Without meshes first: hours of work shall not be done again because the drawing of a mesh was interrupted.
    _summarise(path, labelled, tally, seconds, Painter(None, own_betas=False))
    body = _sheet_body(config, labelled)
    own_betas = body is not None and body.name == labelled.body
    summary = _summarise(path, labelled, tally, seconds, Painter(body, own_betas))
    log.info("%s", summary_table(summary))
    log.info("%s, %s and %s.sheet.jpg: look at the sheet", path, summary_path(path).name, path.stem)
    return summary


def _summarise(path: Path, labelled: LabelledSet, tally: Tally, seconds: float, painter: Painter) -> Summary:
    sheet = painter.sheet(tally.sample)
    summary = summarise(path, labelled, tally, seconds, painter)
    write_summary(path, summary, sheet)
    return summary


class _Lines:
    """Tells of progress now and then, and at the end."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.started = self.told = time.monotonic()
        self.at_start: int | None = None

    def __call__(self, done: int, count: int, left_out: int) -> None:
        now = time.monotonic()
        if self.at_start is None:  # finished before, or in the first shard: no measure of speed
            self.at_start, self.started = done, now
        if now - self.told < _SECONDS_A_LINE and done < count:
            return
        self.told = now
        speed = (done - self.at_start) / max(now - self.started, 1e-3)
        rest = f", {speed:.0f}/s, {(count - done) / speed / 60:.0f} min left" if speed > 0 and done < count else ""
        log.info("%s: %d of %d people, %d left out%s", self.name, done, count, left_out, rest)


def _made_before(path: Path, origin: dict[str, Any]) -> Summary | None:
    """The summary of a pack that need not be made again."""
    if not path.is_file() or not summary_path(path).is_file():
        return None
    try:
        recipe = PackReader(path).attributes["recipe"]
        summary: Summary = json.loads(summary_path(path).read_text())
    except (PackError, ValueError) as error:
        log.warning("%s: it is made again", error)
        return None
    return None if recipe != origin or MENDABLE & summary["left_out"].keys() else summary


def _sheet_body(config: DictConfig, labelled: LabelledSet) -> BodyModel | None:
    """The body that the labels are of, or else the configured one; None where neither is there without being baked."""
    folder = Path(config.paths.body)
    for name in (labelled.body, config.body.name):
        if name != "anny" or (folder / "anny.npz").is_file():
            # A body that is unknown or not there is no reason to go without a sheet.
            with contextlib.suppress(BodyFileError, ValueError):
                return load_body(name, folder)
    return None
