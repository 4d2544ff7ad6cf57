"""Writes a pack of synthetic people: in parallel, resumable, the same bytes whoever makes them."""

import dataclasses
import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock

from maflab.body.arrays import BodyArrays
from maflab.body.model import BodyModel
from maflab.data import shards
from maflab.data.pack import PackWriter
from maflab.data.processes import in_processes, one_thread
from maflab.data.synthetic.recipe import Recipe
from maflab.data.synthetic.sample import Studio

Progress = Callable[[int, int], None]
"""Called with the pictures that are finished and the pictures that were asked for."""


@dataclasses.dataclass(frozen=True)
class _Job:
    """What a worker needs to know; it pickles in a few megabytes."""

    arrays: BodyArrays
    folder: Path
    seed: int
    split: str
    size: int
    recipe: Recipe


def generate_pack(
    path: str | Path,
    body: BodyArrays | BodyModel,
    count: int,
    seed: int = 0,
    size: int = 256,
    workers: int = 2,
    split: str = "train",
    recipe: Recipe | None = None,
    progress: Progress | None = None,
) -> Path:
    """Makes `count` labelled pictures and writes them as one pack.

    Picture i depends on (seed, split, i), the body, the size and the recipe, not on the count or the workers. Finished
    shards wait in a hidden folder beside the pack: after an interruption the same call makes only what is missing.

    Args:
        path: the pack's file; replaced when the new one is complete.
        body: the body to photograph.
        count: number of pictures, at least 1.
        size: side of the pictures in pixels.
        workers: processes; 0 and 1 work in this one.
        progress: told after every finished shard.

    Raises:
        PackError: a worker died, the disk is full, a shard was damaged; the message names the remedy.
    """
    if count < 1:
        raise ValueError(f"A pack needs at least one picture, not {count}.")
    path, recipe = Path(path), recipe or Recipe()
    arrays = body.arrays if isinstance(body, BodyModel) else body
    made_from = {
        "generator": "maflab.data.synthetic",
        "code": shards.code_digest(Path(__file__).parent),
        "body": body_digest(arrays),
        "seed": seed,
        "split": split,
        "size": size,
        "recipe": dataclasses.asdict(recipe),
    }
    folder = path.with_name(f".{path.name}.shards")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f".{path.name}.lock")
    with FileLock(lock):
        shards.open_folder(folder, made_from)
        _make_shards(_Job(arrays, folder, seed, split, size, recipe), count, workers, progress or _silent)
        with PackWriter(
            path,
            name="synthetic",
            split=split,
            licence=arrays.licence,
            source="maflab.data.synthetic",
            body=arrays.name,
            recipe={**made_from, "count": count},
        ) as writer:
            for start, stop in shards.ranges(count):
                for record in shards.read_shard(shards.shard_path(folder, start, stop)):
                    writer.append(**record)
        shutil.rmtree(folder)
    return path


def body_digest(arrays: BodyArrays) -> str:
    """A digest of what of a body shows in pictures and labels."""
    digest = hashlib.sha256()
    for values in (arrays.template, arrays.faces, arrays.shape_dirs, arrays.skin_weights, arrays.landmarks):
        digest.update(values.tobytes())
    return digest.hexdigest()[:16]


def _make_shards(job: _Job, count: int, workers: int, progress: Progress) -> None:
    every = shards.ranges(count)
    missing = [each for each in every if not shards.shard_path(job.folder, *each).exists()]
    done = count - sum(stop - start for start, stop in missing)
    progress(done, count)
    for made in _made_here(job, missing) if min(workers, len(missing)) < 2 else _made_in_pool(job, missing, workers):
        done += made
        progress(done, count)


def _made_here(job: _Job, missing: list[tuple[int, int]]) -> Iterator[int]:
    if not missing:
        return
    with one_thread():
        studio = Studio(job.arrays, job.size, job.recipe)
        for start, stop in missing:
            yield _make(job, studio, start, stop)


def _made_in_pool(job: _Job, missing: list[tuple[int, int]], workers: int) -> Iterator[int]:
    return in_processes(_work, missing, min(workers, len(missing)), str(job.folder), _start_worker, (job,))


_WORKER: dict[str, tuple[_Job, Studio]] = {}


def _start_worker(job: _Job) -> None:
    _WORKER["own"] = (job, Studio(job.arrays, job.size, job.recipe))


def _work(start: int, stop: int) -> int:
    job, studio = _WORKER["own"]
    return _make(job, studio, start, stop)


def _make(job: _Job, studio: Studio, start: int, stop: int) -> int:
    records = [studio.record(job.seed, job.split, index) for index in range(start, stop)]
    shards.write_shard(shards.shard_path(job.folder, start, stop), records)
    return stop - start


def _silent(done: int, count: int) -> None:
    return None
