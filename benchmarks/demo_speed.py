"""Is the network what a clip waits for? End to end against the network alone, and the memory of long clips.

`python benchmarks/demo_speed.py` films a clip of one synthetic person, and in one process takes turns: as many crops
through the network, one batch after the other and as many batches side by side as `demo.py` takes; then the whole way
from the file to shards of estimates, decoding, detection and crops included. All are the work of `demo.py`'s own
functions. The ratio is that of frames a second to each way of running the network alone; the work of all cores a frame
is given too, which a busy machine changes less, and at last that of each stage on its own. `--memory` runs a short and
a long clip through everything and each export, each in a process of its own, and compares their peaks.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from composed import composed

from maflab.body.load import load_body
from maflab.body.model import BodyModel
from maflab.data.synthetic.clip import Clip
from maflab.export import ExportOptions, export_recording
from maflab.inference.camera import Camera
from maflab.inference.crops import crop_input, square
from maflab.inference.detections import Detector, WholeFrame
from maflab.inference.drawing import Overlay
from maflab.inference.estimate_store import EstimateStore, Finished, Row
from maflab.inference.estimating import Estimator
from maflab.inference.example_clip import write_clip
from maflab.inference.following import Follower
from maflab.inference.frames import open_source
from maflab.inference.hog_detector import HogDetector
from maflab.inference.motion import Motion
from maflab.inference.overlaying import draw_recording
from maflab.inference.progress import Progress
from maflab.inference.results import ESTIMATES, settled_result
from maflab.inference.running import Reading, run
from maflab.inference.shots import shots
from maflab.inference.side_by_side import side_by_side
from maflab.inference.tracking import Tracking
from maflab.inference.zero_lag import ZeroLag
from maflab.models.recovery import MeshRecovery
from maflab.training.build import build_body, build_model
from maflab.training.memory import freed_memory_kept, keep_freed_memory

TARGET = 0.8
Item = TypeVar("Item")
# What train.py would train, by encoder.
_EXPERIMENTS = {"resnet18_half": "maf_3iter", "resnet50": "paper/pymaf"}


def estimator_of(encoder: str, body_name: str) -> tuple[Estimator, BodyModel]:
    """The default network, or the published one, untrained: its speed is that of a trained one."""
    torch.manual_seed(0)
    config = composed(f"+experiment={_EXPERIMENTS[encoder]}", f"body={body_name}", "encoder.weights=none")
    body = build_body(config)
    model = build_model(config, body)
    assert isinstance(model, MeshRecovery)
    return Estimator(model.eval(), config.data.resolution), body


class Speed(NamedTuple):
    """How fast something was."""

    rate: float  # frames a second
    work: float  # milliseconds of all cores a frame, which a busy machine changes less


class Watch:
    """Time and work from its making on."""

    def __init__(self) -> None:
        self._start = time.perf_counter(), time.process_time()

    def read(self, frames: int) -> Speed:
        """The speed of so many frames since."""
        seconds, work = time.perf_counter() - self._start[0], time.process_time() - self._start[1]
        return Speed(frames / seconds, 1000 * work / frames)


def alone(estimator: Estimator, frames: int, batch: int, lanes: int) -> Speed:
    """The network on crops that are there already."""
    crops = torch.randn(batch, 3, estimator.resolution, estimator.resolution)
    batches = max(frames // batch, 1)
    watch = Watch()
    for _ in side_by_side(estimator, [crops] * batches, lanes):
        pass
    return watch.read(batches * batch)


def end_to_end(clip: Path, estimator: Estimator, detector: Detector, folder: Path, batch: int) -> Speed:
    """From the file to shards."""
    source = open_source(str(clip))
    store = EstimateStore(folder / ESTIMATES, {}, resume=False)
    watch = Watch()
    run(source, detector, Tracking(), estimator, store, Reading(batch=batch), Progress("", None, interactive=False))
    return watch.read(store.done)


def stages(clip: Path, estimator: Estimator, detector: Detector, folder: Path, batch: int) -> dict[str, float]:
    """Milliseconds of work a frame of each stage, one after the other."""
    source, store = open_source(str(clip)), EstimateStore(folder / ESTIMATES, {}, resume=False)
    resolution, work = estimator.resolution, dict[str, float]()

    def timed(name: str, items: Iterable[Item]) -> list[Item]:
        start = time.process_time()
        made = list(items)
        work[name] = 1000 * (time.process_time() - start)
        return made

    frames = timed("decoding", source)
    store.size = (frames[0].image.shape[1], frames[0].image.shape[0])
    parts = timed("shots", shots(iter(frames), False, Reading().cut))
    followed = timed("people", Follower(detector, Tracking()).follow(iter(parts)))
    seen = [(one.frame, square(one.people[0].box, Reading().margin)) for one in followed if one.people]
    crops = timed("crops", (crop_input(frame.image, place, resolution) for frame, place in seen))
    batches = [crops[start : start + batch] for start in range(0, len(crops), batch)]
    estimates = timed("network", map(estimator, batches))
    rows = zip(*(np.concatenate([getattr(e, n) for e in estimates]) for n in estimates[0]._fields), strict=True)
    done = [
        Finished(n, frame.time, n == 0, None, [Row(1, place, 1.0, *row)])
        for n, ((frame, place), row) in enumerate(zip(seen, rows, strict=True))
    ]
    timed("writing", map(store.add, done))
    start = time.process_time()
    store.flush()
    work["writing"] += 1000 * (time.process_time() - start)
    return {name: milliseconds / len(frames) for name, milliseconds in work.items()}


def speed(given: argparse.Namespace) -> None:
    """Turns of all, and the median ratios."""
    keep_freed_memory()
    estimator, body = estimator_of(given.encoder, given.body)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_clip(folder / "clip.mp4", body, Clip(given.frames, size=tuple(given.size), seed=1))
        detector = HogDetector() if given.detector == "opencv" else WholeFrame()
        lanes = estimator.lanes
        alone(estimator, 4 * given.batch, given.batch, lanes)
        ratios = []
        for turn in range(given.turns):
            serial = alone(estimator, given.frames, given.batch, 1)
            base = alone(estimator, given.frames, given.batch, lanes)
            whole = end_to_end(folder / "clip.mp4", estimator, detector, folder / str(turn), given.batch)
            ratios.append((whole.rate / serial.rate, whole.rate / base.rate, base.work / whole.work))
            told = [f"{one.rate:.1f} frames/s ({one.work:.1f} ms of work a frame)" for one in (serial, base, whole)]
            print(f"network alone {told[0]}, {lanes} side by side {told[1]}, end to end {told[2]}", flush=True)
        parts = stages(folder / "clip.mp4", estimator, detector, folder / "stages", given.batch)
    print("ms of work a frame: " + ", ".join(f"{name} {work:.2f}" for name, work in parts.items()))
    threads, (one, other, work) = torch.get_num_threads(), np.median(ratios, axis=0)
    print(
        f"end to end is {one:.2f} of the network alone, {other:.2f} of it side by side (at least {TARGET}); "
        f"by work {work:.2f} ({given.encoder}, detector {given.detector}, {threads} threads)"
    )


def one_clip(given: argparse.Namespace) -> None:
    """A clip through everything to a saved result, in this process; prints its peak."""
    estimator, body = estimator_of("resnet18_half", "tiny")
    with tempfile.TemporaryDirectory() as name:
        folder, source = Path(name), open_source(given.clip)
        store = EstimateStore(folder / ESTIMATES, {}, resume=False)
        with freed_memory_kept():
            run(source, WholeFrame(), Tracking(), estimator, store, Reading(), Progress("", None, interactive=False))
        motion = Motion(smoothing=ZeroLag())
        recording = settled_result(folder, source, body, Camera(), motion, shortest=0.3, whole=True)
        peaks = {"estimates and result": peak_memory()}
        export_recording(recording, body, folder, ["bvh"])  # loads what exports load
        for name in given.export:
            forget_peak()
            export_recording(recording, body, folder, [name], ExportOptions(stride=max(store.done // 100, 1)))
            peaks[name] = peak_memory()
        forget_peak()
        with freed_memory_kept():
            draw_recording(source, recording, body, Overlay(), folder, Progress("", None, interactive=False))
        peaks["overlay"] = peak_memory()
    print(json.dumps({"frames": store.done, "peaks": peaks}))


def forget_peak() -> None:
    """From here on the peak is that of what follows."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> float:
    """The most MiB that this process has held, by Linux; `getrusage` would count the parent's before it was started."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def memory(given: argparse.Namespace) -> None:
    """The peaks of a short and a long clip."""
    peaks = []
    body = load_body("tiny", "data/body")
    with tempfile.TemporaryDirectory() as name:
        for frames in (500, 10_000):
            clip = Path(name) / f"{frames}.mp4"
            write_clip(clip, body, Clip(frames, size=(320, 180)))
            done = subprocess.run(
                [sys.executable, __file__, "--clip", clip, "--export", *given.export],
                check=True,
                capture_output=True,
                text=True,
            )
            told = json.loads(done.stdout.splitlines()[-1])
            peaks.append(told["peaks"])
            listed = ", ".join(f"{name} {peak:.0f}" for name, peak in told["peaks"].items())
            print(f"{told['frames']} frames: at most, in MiB: {listed}", flush=True)
    print("ratios: " + ", ".join(f"{name} {peaks[1][name] / peaks[0][name]:.2f}" for name in peaks[0]))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="resnet18_half", choices=list(_EXPERIMENTS))
    parser.add_argument("--body", default="anny")
    parser.add_argument("--detector", default="opencv", choices=["opencv", "whole"])
    parser.add_argument("--frames", type=int, default=480)
    parser.add_argument("--size", type=int, nargs=2, default=(640, 360))
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--memory", action="store_true", help="compare the memory of 500 and of 10,000 frames")
    parser.add_argument("--export", nargs="*", default=["npz", "json", "glb", "bvh", "obj", "usd"], help="for --memory")
    parser.add_argument("--clip", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.clip:
        one_clip(given)
    elif given.memory:
        memory(given)
    else:
        speed(given)


if __name__ == "__main__":
    main()
