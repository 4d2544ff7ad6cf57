"""One clip from its frames to shards of estimates: decoding, detection and the network, each in a thread of its own."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial
from itertools import chain, islice
from typing import NamedTuple

import cv2
from torch import Tensor

from maflab.inference.ahead import ahead
from maflab.inference.crops import crop_input, square
from maflab.inference.detections import Detections, Detector
from maflab.inference.estimate_store import EstimateStore, Finished, Row
from maflab.inference.estimating import Estimates, Estimator
from maflab.inference.following import Followed, Follower, Seen
from maflab.inference.frames import Frame, Source, of_one_size
from maflab.inference.progress import Progress
from maflab.inference.shots import shots
from maflab.inference.side_by_side import side_by_side
from maflab.inference.tracking import Tracking

_DECODED_AHEAD = 4
_CROPPED_AHEAD = 64


class Reading(NamedTuple):
    """How a clip is gone through.

    Args:
        margin: side of a crop over the longer side of its person's box.
        batch: crops that the network sees at once, at least.
        cut: mean change of a pixel, of 255, that is a cut; 0: the clip is one shot.
        limit: frames at most; None: all.
    """

    margin: float = 1.15
    batch: int = 16
    cut: float = 27.0
    limit: int | None = None


class _Cropped(NamedTuple):
    """A frame that is needed no more, and what the network is to see of it."""

    index: int  # type: ignore[assignment]  # of the frame
    time: float
    begins_shot: bool
    detections: Detections | None
    people: list[Seen]
    inputs: list[Tensor]


def run(
    source: Source,
    detector: Detector,
    tracking: Tracking,
    estimator: Estimator,
    store: EstimateStore,
    reading: Reading,
    progress: Progress,
) -> None:
    """Estimate everybody in every frame that the store does not have yet.

    However this ends, what is finished is in the store.

    Args:
        source: the clip; gone through once, from its start.
        detector: has been checked against the source.
        tracking, reading: settings.
        estimator: the network.
        store: takes the results; its finished frames are decoded and followed, but neither detected nor estimated.
        progress: told of every frame.

    Raises:
        InputError, DetectorError: from the source and the detector.
        ValueError: a setting out of range.
        OSError: the store cannot be written.
    """
    _check(reading)
    follower = Follower(detector, tracking, store.known_detections(), every_frame=source.stills)

    def frames() -> Iterator[Frame]:
        for frame in islice(of_one_size(iter(source), source.name), reading.limit):
            store.size = (frame.image.shape[1], frame.image.shape[0])
            yield frame

    def crops() -> Iterator[_Cropped]:
        with closing(ahead(frames(), _DECODED_AHEAD)) as decoded:
            for followed in follower.follow(shots(decoded, source.stills, reading.cut)):
                yield _cropped(followed, estimator.resolution, reading.margin, followed.frame.index < store.done)

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # each stage has a thread; more of OpenCV's own would wait for the network's cores
    try:
        with closing(ahead(crops(), _CROPPED_AHEAD)) as cropped:
            batches = _batches(cropped, reading.batch, store, progress)
            with closing(side_by_side(partial(_estimated, estimator), batches, estimator.lanes)) as estimated:
                for finished in chain.from_iterable(estimated):
                    store.add(finished)
                    progress.advance(len(finished.rows))
    finally:
        cv2.setNumThreads(threads)
        store.flush()


def _check(reading: Reading) -> None:
    if reading.margin < 1 or reading.batch < 1 or reading.cut < 0:
        raise ValueError("reading.margin and reading.batch must be at least 1, and reading.cut not negative")
    if reading.limit is not None and reading.limit < 1:
        raise ValueError(f"reading.limit must be at least 1 frame, it is {reading.limit}")


def _cropped(followed: Followed, resolution: int, margin: float, done: bool) -> _Cropped:
    frame, people = followed.frame, [] if done else followed.people
    inputs = [crop_input(frame.image, square(seen.box, margin), resolution) for seen in people]
    people = [seen._replace(box=square(seen.box, margin)) for seen in people]
    return _Cropped(frame.index, frame.time, followed.begins_shot, followed.detections, people, inputs)


def _batches(
    frames: Iterable[_Cropped], size: int, store: EstimateStore, progress: Progress
) -> Iterator[list[_Cropped]]:
    """Whole frames with at least so many people together; those that the store has are passed over."""
    batch: list[_Cropped] = []
    count, done = 0, store.done
    for frame in frames:
        if frame.index < done:
            progress.skip()
            continue
        batch.append(frame)
        count += len(frame.inputs)
        if count >= size or len(batch) >= 4 * size:
            yield batch
            batch, count = [], 0
    if batch:
        yield batch


def _estimated(estimator: Estimator, batch: list[_Cropped]) -> list[Finished]:
    inputs = [one for frame in batch for one in frame.inputs]
    estimates = estimator(inputs) if inputs else None
    done: list[Finished] = []
    place = 0
    for frame in batch:
        rows = []
        for seen in frame.people:
            assert isinstance(estimates, Estimates)
            own = (estimates.rotations[place], estimates.betas[place], estimates.camera[place])
            rows.append(Row(seen.identity, seen.box, seen.confidence, *own))
            place += 1
        done.append(Finished(frame.index, frame.time, frame.begins_shot, frame.detections, rows))
    return done
