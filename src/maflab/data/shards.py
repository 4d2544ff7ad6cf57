"""Finished pieces of a pack that is still being made, so that an interrupted run goes on where it stopped.

A shard is an `.npz` of records, and of notes about what is not among them.
"""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from maflab.atomic import whole_file
from maflab.data.pack_format import PackError

SHARD_SIZE = 64
_MARK = "made-by.json"
_NOTES = "notes"


def ranges(count: int) -> list[tuple[int, int]]:
    """First and last-plus-one index of each shard; they do not depend on who makes them."""
    return [(start, min(start + SHARD_SIZE, count)) for start in range(0, count, SHARD_SIZE)]


def shard_path(folder: Path, start: int, stop: int) -> Path:
    """The file of the records start..stop-1."""
    return folder / f"{start:08d}-{stop:08d}.npz"


def open_folder(folder: Path, made_by: dict[str, Any]) -> None:
    """Makes the folder of the shards; shards that other settings or another version of the code made are dropped."""
    text = json.dumps(made_by, sort_keys=True)
    mark = folder / _MARK
    if folder.exists() and not (mark.exists() and mark.read_text() == text):
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    mark.write_text(text)


def code_digest(folder: Path) -> str:
    """A digest of the source files in a folder: another generator makes other pictures."""
    digest = hashlib.sha256()
    for source in sorted(folder.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def write_shard(path: Path, records: list[dict[str, Any]], notes: Any = None) -> None:
    """Writes records, which all have the same fields, and notes (JSON values) whole or not at all."""
    columns: dict[str, np.ndarray] = {
        field: np.array([record[field] for record in records]) for field in next(iter(records), {}) if field != "jpeg"
    }
    pictures = [record["jpeg"] for record in records]
    columns[_NOTES] = np.array(json.dumps(notes))
    columns["lengths"] = np.array([len(picture) for picture in pictures])
    columns["bytes"] = np.frombuffer(b"".join(pictures), np.uint8)
    try:
        with whole_file(path) as partial, partial.open("wb") as file:
            np.savez(file, **columns)  # type: ignore[arg-type]
    except OSError as error:
        raise PackError(
            f"{path} could not be written ({error}); free space on that disk and run the same command again: "
            "what is finished is kept."
        ) from error


def read_shard(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a shard in order.

    Raises:
        PackError: the shard cannot be read; it is removed, so that the next run makes it again.
    """
    with _opened(path) as file:
        columns = {field: file[field] for field in file.files if field != _NOTES}
    offsets = np.concatenate([[0], np.cumsum(columns.pop("lengths"))])
    pictures = columns.pop("bytes").tobytes()
    for row in range(len(offsets) - 1):
        record: dict[str, Any] = {field: values[row] for field, values in columns.items()}
        record["sequence"], record["frame"] = str(record["sequence"]), int(record["frame"])
        yield {"jpeg": pictures[offsets[row] : offsets[row + 1]], **record}


def read_notes(path: Path) -> Any:
    """The notes of a shard; raises as `read_shard`."""
    with _opened(path) as file:
        return json.loads(str(file[_NOTES]))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with np.load(path, allow_pickle=False) as file:
            yield file
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        path.unlink(missing_ok=True)
        raise PackError(f"{path} was damaged ({error}) and is removed; run the same command again.") from error
