"""What a pack is made from, so that one that is up to date is not made again and shards of another are not used."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from maflab.data.prepare.crop import CropSettings
from maflab.data.prepare.labelled_set import LabelledSet

_LABEL_FILES = (".npz", ".npy", ".json", ".jsonl", ".csv", ".pkl", ".mat", ".tar")


def made_from(labelled: LabelledSet, settings: CropSettings, limit: int | None) -> dict[str, Any]:
    """JSON values that differ where another pack would come out; of the label files, their sizes and times.

    Pictures are taken to stay as they are.
    """
    reader = labelled.reader
    keywords = getattr(reader, "keywords", {})
    # Not the pictures' folder: looking through a million files takes longer than one is willing to wait.
    others = [value for value in keywords.values() if isinstance(value, str | Path) and value != labelled.images]
    named = [labelled.labels, *others]
    content = {
        "reader": getattr(getattr(reader, "func", reader), "__qualname__", type(reader).__qualname__),
        "settings": keywords,
        "files": _digest(sorted({Path(path) for path in named})),
        "labels": str(labelled.labels),
        "images": None if labelled.images is None else str(labelled.images),
        "body": labelled.body,
        "crops": dataclasses.asdict(settings),
        "limit": limit,
    }
    return json.loads(json.dumps(content, default=str, sort_keys=True))


def _digest(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        for file in _label_files(path):
            state = file.stat()
            digest.update(f"{file}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def _label_files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders.sort()
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(_LABEL_FILES))
