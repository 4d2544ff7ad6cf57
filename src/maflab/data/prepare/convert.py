"""Makes a pack of labelled people: in parallel, resumable, in bounded memory."""

import functools
import shutil
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock

from maflab.data import shards
from maflab.data.pack import PackWriter
from maflab.data.prepare.checks import MENDABLE, Reason, box_problem, identity, label_problem
from maflab.data.prepare.crop import CropSettings, cut_record
from maflab.data.prepare.labelled_set import LabelledSet, Reader
from maflab.data.prepare.origin import made_from
from maflab.data.prepare.pictures import PictureFile, UnreadablePicture
from maflab.data.prepare.tally import LeftOut, Tally
from maflab.data.processes import in_processes, one_thread
from maflab.data.sources.person import Person, SourceError, Unusable

Progress = Callable[[int, int, int], None]
"""Called with the people that are done, the people there are, and how many of the done were left out."""


class _Task(NamedTuple):
    """Up to SHARD_SIZE people, the first of whom is `start`; the rows of duplicates count from there."""

    folder: Path
    start: int
    people: list[Person | Unusable]
    duplicates: set[int]
    settings: CropSettings

    @property
    def path(self) -> Path:
        return shards.shard_path(self.folder, self.start, self.start + len(self.people))


def convert(
    path: Path,
    labelled: LabelledSet,
    people: Reader,
    settings: CropSettings,
    workers: int = 1,
    limit: int | None = None,
    progress: Progress | None = None,
) -> Tally:
    """Writes the pack of a labelled set.

    People who cannot be used are left out and counted. Finished shards wait in a hidden folder beside the pack: after
    an interruption the same call makes only what is missing, and what was left out for want of a picture.

    Args:
        path: the pack's file; replaced when the new one is complete.
        labelled: where the people come from.
        people: what `labelled.read()` gives.
        settings: of the stored pictures.
        workers: processes; 0 and 1 work in this one.
        limit: at most so many people, the first ones; None: all.
        progress: told after every finished shard.

    Returns:
        What went into the pack and what did not.

    Raises:
        SourceError: the labels cannot be used, or no person is left.
        PackError: a worker died, the disk is full, a shard was damaged; the message names the remedy.
    """
    origin = made_from(labelled, settings, limit)
    folder = path.with_name(f".{path.name}.shards")
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        code = [shards.code_digest(Path(__file__).parent), shards.code_digest(Path(__file__).parents[1] / "sources")]
        shards.open_folder(folder, {**origin, "code": code})
        made = _make_shards(folder, people, settings, workers, limit, progress)
        tally = _assemble(path, labelled, made, origin)
        shutil.rmtree(folder)
    return tally


def _make_shards(
    folder: Path, reader: Reader, settings: CropSettings, workers: int, limit: int | None, progress: Progress | None
) -> list[Path]:
    """The shards of all people, in order; those that are missing are made."""
    count = len(reader) if limit is None else min(limit, len(reader))
    workers = min(workers, -(-count // shards.SHARD_SIZE))
    every: list[Path] = []
    done = left_out = 0

    def tell(people: int, without: int) -> None:
        nonlocal done, left_out
        done, left_out = done + people, left_out + without
        if progress is not None:
            progress(done, count, left_out)

    def unfinished() -> Iterator[tuple[_Task]]:
        for task in _tasks(folder, reader, settings, limit):
            every.append(task.path)
            without = _finished(task.path)
            if without is None:
                yield (task,)
            else:
                tell(len(task.people), without)

    if workers < 2:
        with one_thread():
            for (task,) in unfinished():
                tell(*_make(task, PictureFile()))
    else:
        for made in in_processes(_work, unfinished(), workers, str(folder)):
            tell(*made)
    return every


def _tasks(folder: Path, reader: Reader, settings: CropSettings, limit: int | None) -> Iterator[_Task]:
    seen: set[bytes] = set()
    people = iter(islice(reader, limit))
    start = 0
    while chunk := list(islice(people, shards.SHARD_SIZE)):
        duplicates = set()
        for row, person in enumerate(chunk):
            if isinstance(person, Unusable):
                continue
            key = identity(person)
            if key in seen:
                duplicates.add(row)
            seen.add(key)
        yield _Task(folder, start, chunk, duplicates, settings)
        start += len(chunk)


def _finished(path: Path) -> int | None:
    """How many people a finished shard left out; None if it is to be made."""
    if not path.exists():
        return None
    left_out = shards.read_notes(path)
    return None if any(entry["reason"] in MENDABLE for entry in left_out) else len(left_out)


@functools.cache
def _own_picture() -> PictureFile:
    return PictureFile()


def _work(task: _Task) -> tuple[int, int]:
    return _make(task, _own_picture())


def _make(task: _Task, pictures: PictureFile) -> tuple[int, int]:
    """Writes the shard; gives how many people it is about and how many it leaves out."""
    records: list[dict[str, Any]] = []
    left_out: list[dict[str, Any]] = []
    for row, person in enumerate(task.people):
        why = person.why if isinstance(person, Unusable) else ""
        made = Reason.DUPLICATE if row in task.duplicates else _record(person, pictures, task.settings)
        if isinstance(made, dict):
            records.append(made)
        else:
            left_out.append(LeftOut(str(made), task.start + row, str(person.image), why)._asdict())
    shards.write_shard(task.path, records, left_out)
    return len(task.people), len(left_out)


def _record(person: Person | Unusable, pictures: PictureFile, settings: CropSettings) -> dict[str, Any] | Reason:
    if isinstance(person, Unusable):
        return Reason.UNUSABLE
    if problem := label_problem(person):
        return problem
    try:
        picture = pictures.read(person.image, settings.scale(person.size), person.turns)
    except FileNotFoundError:
        return Reason.MISSING
    except UnreadablePicture:
        return Reason.UNREADABLE
    return box_problem(person, picture) or cut_record(person, picture, settings)


def _assemble(path: Path, labelled: LabelledSet, made: list[Path], origin: dict[str, Any]) -> Tally:
    tally = Tally()
    for shard in made:
        tally.leave_out(LeftOut(**entry) for entry in shards.read_notes(shard))
    records = _records(made)
    first = next(records, None)
    if first is None:
        raise SourceError(f"{labelled.labels} gives nobody to keep: {tally.sentence() or 'it is empty'}")
    with PackWriter(
        path,
        name=labelled.set,
        split=labelled.split,
        licence=labelled.licence,
        source=str(labelled.labels),
        body=labelled.body,
        recipe=origin,
    ) as writer:
        for record in chain([first], records):
            writer.append(**record)
            tally.keep(record)
    return tally


def _records(made: list[Path]) -> Iterator[dict[str, Any]]:
    for shard in made:
        yield from shards.read_shard(shard)
