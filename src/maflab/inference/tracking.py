"""Who is who from one frame to the next, by norfair: boxes near where a person was expected are that person."""

from typing import NamedTuple

import numpy as np
import torch
from norfair import Detection, OptimizedKalmanFilterFactory, Tracker
from norfair.distances import VectorizedDistance
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torchvision.ops import box_iou

from maflab.inference.detections import Detections

_TICK = 1 / 30  # seconds; norfair counts in steps, so time is dealt out to it in these
_HEIGHT = 100.0  # units of the filter that the first person of a shot is high
_NOISE = 6.0  # of a detector's boxes, in those units
_FARTHEST = 0.75  # 1 - overlap (IoU) of a detection with where its person is expected
_REACH = 1.0  # how far from where they were last seen a returning person may be, in heights of their box
_SIZE = 1.6  # ratio of heights that may be the same person


class Tracking(NamedTuple):
    """How people are followed.

    Args:
        patience: seconds after which somebody who was not seen is forgotten; who returns before keeps their identity.
        bridge: seconds; over shorter gaps between two detections of a person their box is interpolated.
        shortest: seconds; who is followed for less, in a shot that is longer, was a mistake of the detector.
    """

    patience: float = 1.0
    bridge: float = 0.6
    shortest: float = 0.5


class _Gone(NamedTuple):
    """Somebody who was seen before."""

    box: NDArray[np.float32]
    time: float


class IdentityTracker:
    """Gives every box of a frame an identity, which a person keeps within a shot.

    Norfair expects where people go (a Kalman filter) and matches by overlap. Who is not where they were expected, as
    somebody who leaves the frame and turns around there, is looked for among those who were there less than `patience`
    ago.
    """

    def __init__(self, patience: float) -> None:
        """
        Args:
            patience: seconds, see `Tracking`.

        Raises:
            ValueError: it is negative.
        """
        if patience < 0:
            raise ValueError(f"patience must not be negative, it is {patience}")
        self._patience = patience
        self._next = 0
        self.cut()

    def cut(self) -> None:
        """A new shot: everybody is new."""
        steps = max(1, round(self._patience / _TICK))
        self._tracker = Tracker(
            "iou",
            _FARTHEST,
            hit_counter_max=steps,
            initialization_delay=0,
            filter_factory=OptimizedKalmanFilterFactory(R=_NOISE**2),
        )
        self._tracker.distance_function = VectorizedDistance(_apart)
        self._unit = 0.0  # pixels
        self._time: float | None = None
        self._identities: dict[int, int] = {}  # by norfair's own number
        self._seen: dict[int, _Gone] = {}

    def update(self, time: float, found: Detections) -> list[int]:
        """The identities of a frame's boxes, in their order.

        Args:
            time: seconds, later than the last one's.
            found: the boxes.
        """
        if not self._unit and len(found.boxes):
            self._unit = float(np.median(found.boxes[:, 3] - found.boxes[:, 1])) / _HEIGHT
        steps = 1 if self._time is None else max(1, round((time - self._time) / _TICK))
        self._time = time
        for _ in range(min(steps, self._tracker.hit_counter_max + 1) - 1):
            self._tracker.update()
        given = [
            Detection(box.reshape(2, 2).astype(np.float64) / self._unit, np.repeat(float(score), 2), data=number)
            for number, (box, score) in enumerate(zip(found.boxes, found.scores, strict=True))
        ]
        matched: dict[int, int] = {}  # norfair's number of each box
        for person in self._tracker.update(given):
            if person.last_detection.age == person.age and person.id is not None:
                matched[person.last_detection.data] = person.id
                person.hit_counter = self._tracker.hit_counter_max  # all are remembered for the same time
        self._name(matched, found.boxes, time)
        identities = [self._identities[matched[number]] for number in range(len(found.boxes))]
        for identity, box in zip(identities, found.boxes, strict=True):
            self._seen[identity] = _Gone(box, time)
        self._seen = {who: gone for who, gone in self._seen.items() if time - gone.time <= self._patience}
        return identities

    def _name(self, matched: dict[int, int], boxes: NDArray[np.float32], time: float) -> None:
        """Identities for those whom norfair has not seen before: of somebody who has returned, or new ones."""
        new = [number for number, own in matched.items() if own not in self._identities]
        present = {self._identities[own] for own in matched.values() if own in self._identities}
        away = [
            who for who, gone in self._seen.items() if who not in present and time - gone.time <= self._patience + 1e-6
        ]
        returned = _returned(boxes[new], [self._seen[who].box for who in away])
        for place, number in enumerate(new):
            if place in returned:
                identity = away[returned[place]]
                # Norfair may still expect the same person elsewhere: from now on they are here.
                self._identities = {own: who for own, who in self._identities.items() if who != identity}
            else:
                self._next += 1
                identity = self._next
            self._identities[matched[number]] = identity


def _apart(candidates: NDArray[np.float64], objects: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 - IoU (N, M) of boxes (N, 4) and (M, 4); an expected box may have turned inside out and overlaps nothing."""
    boxes, expected = torch.from_numpy(candidates), torch.from_numpy(objects)
    sound = (expected[:, 2:] > expected[:, :2]).all(1)
    return (1 - box_iou(boxes, expected) * sound).numpy()


def _returned(boxes: NDArray[np.float32], before: list[NDArray[np.float32]]) -> dict[int, int]:
    """For boxes (N, 4) which of the earlier ones each may be, at most one each: the nearest that are alike in size."""
    if not len(boxes) or not before:
        return {}
    old = np.stack(before)
    heights, old_heights = boxes[:, 3] - boxes[:, 1], old[:, 3] - old[:, 1]
    centres, old_centres = (boxes[:, :2] + boxes[:, 2:]) / 2, (old[:, :2] + old[:, 2:]) / 2
    distance = np.linalg.norm(centres[:, None] - old_centres, axis=2) / np.maximum(heights[:, None], old_heights)
    alike = np.abs(np.log(heights[:, None] / old_heights)) < np.log(_SIZE)
    cost = np.where(alike & (distance < _REACH), distance, 1e3)
    rows, columns = linear_sum_assignment(cost)
    return {int(row): int(column) for row, column in zip(rows, columns, strict=True) if cost[row, column] < 1e3}
