"""The command `demo`: from a clip to moving bodies and the files that other programs open."""

import hashlib
import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import torch
from omegaconf import DictConfig

from maflab.body.model import BodyModel
from maflab.export.export import check_formats, export_recording
from maflab.export.options import ExportOptions
from maflab.inference.estimate_store import EstimateStore
from maflab.inference.estimating import Estimator
from maflab.inference.frames import Source, open_source
from maflab.inference.overlaying import draw_recording
from maflab.inference.progress import Progress
from maflab.inference.recording import Recording
from maflab.inference.results import ESTIMATES, check_camera, check_people, check_writable, settled_result
from maflab.inference.running import run
from maflab.inference.video import VideoSource
from maflab.inference.webcam import CameraSource, FilmedSource
from maflab.models.recovery import MeshRecovery
from maflab.training.build import build_part, plain
from maflab.training.checkpoint import load_model, locate_checkpoint, read_checkpoint, saved_config
from maflab.training.errors import CheckpointError, OverrideError
from maflab.training.memory import freed_memory_kept
from maflab.training.precision import check_device, choose_precision
from maflab.training.quiet import quieten

log = logging.getLogger(__name__)

_PRECISIONS = {"32-true": None, "bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
_TERMINATED = 143


class Result(NamedTuple):
    """What a clip became."""

    recording: Recording  # as in `result.npz`
    folder: Path
    body: BodyModel


class _Network(NamedTuple):
    estimator: Estimator
    body: BodyModel
    told: dict[str, Any]  # what its estimates depend on


def demo(config: DictConfig) -> Result:
    """Find, follow and estimate the people of a clip, make motions of the estimates, and write what was asked for.

    Args:
        config: composed from `conf/demo.yaml`.

    Raises:
        InputError, DetectorError: the clip or the detector cannot be used, or nobody was found.
        CheckpointError, OverrideError, DeviceError, ExportError, CameraError: a setting is wrong. All of these before
            the work, where they can be known then.
    """
    quieten()
    formats = [config.export] if isinstance(config.export, str) else [str(name) for name in config.export]
    check_formats(formats)
    options = ExportOptions(**config.export_options).checked()
    camera, motion, tracking, reading = (build_part(config, p) for p in ("camera", "motion", "tracking", "reading"))
    overlay = None if config.overlay is None else build_part(config, "overlay")
    check_camera(camera)
    folder = _folder(config)
    check_writable(folder)
    source = _source(config, folder)
    detector = build_part(config, "detector")
    detector.check(source)
    network = _network(config)
    body = network.body
    store = EstimateStore(folder / ESTIMATES, _settings(config, source, network), bool(config.resume))
    log.info("%s: %s -> %s", config.checkpoint, source.name, folder)

    def result(whole: bool) -> Recording:
        # A single picture of an album shows whom it shows.
        shortest = 0.0 if source.stills else tracking.shortest
        return settled_result(folder, source, body, camera, motion, shortest, whole)

    with _kept(result, store):
        length = _total(source, reading.limit)
        with freed_memory_kept(), _until_stopped(source, store), Progress("estimated", length) as progress:
            run(source, detector, tracking, network.estimator, store, reading, progress)
        if isinstance(source, FilmedSource):
            source = VideoSource(Path(source.name))
        recording = result(whole=True)
    check_people(recording, detector.advice)
    log.info("%d people in %d frames", len(recording.tracks), len(recording.times))
    export_recording(recording, body, folder, [name for name in formats if name != "npz"], options)
    if overlay is not None:
        with freed_memory_kept(), Progress("drew", len(recording.times)) as progress:
            drawn = draw_recording(source, recording, body, overlay, folder, progress)
        log.info("wrote %s", drawn)
    log.info("the result is in %s", folder)
    return Result(recording, folder, body)


@contextmanager
def _until_stopped(source: Source, store: EstimateStore) -> Iterator[None]:
    """Ctrl-C is how a camera's clip ends."""
    try:
        yield
    except KeyboardInterrupt:
        if not (source.live and store.done):
            raise


@contextmanager
def _kept(result: Callable[[bool], Recording], store: EstimateStore) -> Iterator[None]:
    """Makes a result of what is finished when the work is broken off, by Ctrl-C, SIGTERM or an error."""

    def terminate(number: int, frame: object) -> NoReturn:
        raise SystemExit(_TERMINATED)

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    except BaseException:
        if store.done:
            result(False)
            kept = "%d frames are finished and kept in %s; resume=true goes on"
            log.warning(kept, store.done, store.folder.parent)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _folder(config: DictConfig) -> Path:
    """The output folder; to go on, the one that was begun: the latest of its siblings where none was named."""
    folder = Path(config.paths.output)
    if not config.resume or (folder / ESTIMATES).is_dir():
        return folder
    found = sorted(folder.parent.glob(f"*/{ESTIMATES}/settings.json"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise OverrideError(
            f"resume=true finds no {ESTIMATES} in {folder} or beside it; give output=FOLDER, or leave it out"
        )
    return found[-1].parents[1]


def _source(config: DictConfig, folder: Path) -> Source:
    source = open_source(config.input, config.rate)
    if not isinstance(source, CameraSource):
        return source
    if config.resume:
        raise OverrideError("resume=true cannot go on with a camera; leave it out")
    return FilmedSource(source, folder / "camera.mp4")


def _network(config: DictConfig) -> _Network:
    """The checkpoint's model, on the device that was asked for."""
    device = config.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    check_device("gpu" if device == "cuda" else device)
    precision = choose_precision(config.precision, device)
    if precision not in _PRECISIONS:
        raise OverrideError(f"precision={precision}: choose auto, {', '.join(_PRECISIONS)}")
    path = locate_checkpoint(config.checkpoint)
    resolution = int(saved_config(read_checkpoint(path)).data.resolution)
    model = load_model(path, config.paths.body)
    if not isinstance(model, MeshRecovery):
        raise CheckpointError(f"{path} was trained without a loop and estimates no body; take another one")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    told = {"checkpoint": digest, "precision": precision, "iterations": bool(config.iterations)}
    estimator = Estimator(model, resolution, device, _PRECISIONS[precision], bool(config.iterations))
    return _Network(estimator, model.body.cpu(), told)


def _settings(config: DictConfig, source: Source, network: _Network) -> dict[str, Any]:
    """What estimates depend on: to go on, all of it must be the same."""
    settings = plain(config)
    read = {key: settings["reading"][key] for key in ("margin", "cut")}
    followed = {key: settings["tracking"][key] for key in ("patience", "bridge")}
    path = Path(source.name)
    size = path.stat().st_size if path.is_file() else source.length
    clip = {"input": str(path.resolve()), "input_size": size}
    return {**clip, **network.told, "detector": settings["detector"], **read, **followed}


def _total(source: Source, limit: int | None) -> int | None:
    return limit if source.length is None else min(source.length, limit or source.length)
