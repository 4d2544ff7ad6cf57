"""Is the network what a clip waits for? End to end against the network alone, and the memory of long clips.

`python benchmarks/demo_speed.py` films a clip of one synthetic person, and in one process takes turns: the crops of the
clip through the network, batch by batch; then the whole way from the file to shards of estimates, decoding, detection
and crops included. Both are the work of `demo.py`'s own functions. `--memory` runs a short and a long clip, each in a
process of its own, and compares their peaks.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from maflab.body.load import load_body
from maflab.data.synthetic.clip import Clip
from maflab.inference.camera import Camera
from maflab.inference.detections import Detector, WholeFrame
from maflab.inference.estimate_store import EstimateStore
from maflab.inference.estimating import Estimator
from maflab.inference.example_clip import write_clip
from maflab.inference.frames import open_source
from maflab.inference.hog_detector import HogDetector
from maflab.inference.motion import Motion
from maflab.inference.progress import Progress
from maflab.inference.results import ESTIMATES, settled_result
from maflab.inference.running import Reading, run
from maflab.inference.tracking import Tracking
from maflab.inference.zero_lag import ZeroLag
from maflab.metrics.estimates import IterationErrors
from maflab.models.maf import MAFLoop
from maflab.models.pyramid import FeaturePyramid
from maflab.models.recovery import MeshRecovery

_RESOLUTION = {"resnet18_half": 96, "resnet50": 224}


def model_of(encoder: str, body_name: str) -> MeshRecovery:
    """The default network, or the published one, untrained: its speed is that of a trained one."""
    torch.manual_seed(0)
    body = load_body(body_name, "data/body")
    published = encoder == "resnet50"
    pyramid = FeaturePyramid(encoder, channels=256 if published else 64, skips=not published, weights="none")
    loop = MAFLoop(body, pyramid.channels, pyramid.global_channels, levels=pyramid.levels)
    return MeshRecovery(pyramid, loop, None, body, torch.nn.Identity(), IterationErrors(body, loop.iterations)).eval()


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


def alone(estimator: Estimator, frames: int, batch: int) -> Speed:
    """The network on crops that are there already."""
    crops = torch.randn(batch, 3, estimator.resolution, estimator.resolution)
    batches = max(frames // batch, 1)
    watch = Watch()
    for _ in range(batches):
        estimator(crops)
    return watch.read(batches * batch)


def end_to_end(clip: Path, estimator: Estimator, detector: Detector, folder: Path, batch: int) -> Speed:
    """From the file to shards."""
    source = open_source(str(clip))
    store = EstimateStore(folder / ESTIMATES, {}, resume=False)
    watch = Watch()
    run(source, detector, Tracking(), estimator, store, Reading(batch=batch), Progress("", None, interactive=False))
    return watch.read(store.done)


def speed(given: argparse.Namespace) -> None:
    """Turns of both, and the median ratio."""
    model = model_of(given.encoder, given.body)
    estimator = Estimator(model, _RESOLUTION[given.encoder])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_clip(folder / "clip.mp4", model.body, Clip(given.frames, size=tuple(given.size), seed=1))
        detector = HogDetector() if given.detector == "opencv" else WholeFrame()
        alone(estimator, 2 * given.batch, given.batch)
        ratios = []
        for turn in range(given.turns):
            base = alone(estimator, given.frames, given.batch)
            whole = end_to_end(folder / "clip.mp4", estimator, detector, folder / str(turn), given.batch)
            ratios.append(whole.rate / base.rate)
            told = [f"{one.rate:.1f} frames/s ({one.work:.1f} ms of work a frame)" for one in (base, whole)]
            print(f"network alone {told[0]}, end to end {told[1]}, ratio {ratios[-1]:.2f}", flush=True)
    threads = torch.get_num_threads()
    print(f"median ratio {np.median(ratios):.2f} ({given.encoder}, detector {given.detector}, {threads} threads)")


def one_clip(given: argparse.Namespace) -> None:
    """A clip through everything to a saved result, in this process; prints its peak."""
    model = model_of("resnet18_half", "tiny")
    estimator = Estimator(model, 32)
    with tempfile.TemporaryDirectory() as name:
        folder, source = Path(name), open_source(given.clip)
        store = EstimateStore(folder / ESTIMATES, {}, resume=False)
        run(source, WholeFrame(), Tracking(), estimator, store, Reading(), Progress("", None, interactive=False))
        motion = Motion(smoothing=ZeroLag())
        settled_result(folder, source, model.body, Camera(), motion, shortest=0.3, whole=True)
    print(json.dumps({"frames": store.done, "peak": peak_memory()}))


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
                [sys.executable, __file__, "--clip", clip], check=True, capture_output=True, text=True
            )
            told = json.loads(done.stdout.splitlines()[-1])
            peaks.append(told["peak"])
            print(f"{told['frames']} frames: at most {told['peak']:.0f} MiB", flush=True)
    print(f"ratio {peaks[1] / peaks[0]:.3f}")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="resnet18_half", choices=list(_RESOLUTION))
    parser.add_argument("--body", default="anny")
    parser.add_argument("--detector", default="opencv", choices=["opencv", "whole"])
    parser.add_argument("--frames", type=int, default=240)
    parser.add_argument("--size", type=int, nargs=2, default=(640, 360))
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--memory", action="store_true", help="compare the memory of 500 and of 10,000 frames")
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
