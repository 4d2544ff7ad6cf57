"""From frames to people in frames: a detector looks now and then, identities are kept, boxes are interpolated between.

Frames wait here until it is known who is in them, at most for `Tracking.bridge` seconds or some dozens of frames.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from maflab.inference.detections import Detections, Detector
from maflab.inference.elsewhere import Elsewhere
from maflab.inference.frames import Frame
from maflab.inference.tracking import IdentityTracker, Tracking

_MOST_WAITING = 64  # frames; it bounds the memory where they come quickly
_STEADY = 0.5  # seconds for which people are expected to go on as they went


class Seen(NamedTuple):
    """One person in one frame."""

    identity: int
    box: NDArray[np.float32]  # (4,) left, top, right, bottom, pixels
    confidence: float


class Followed(NamedTuple):
    """A frame and the people in it."""

    frame: Frame
    begins_shot: bool
    people: list[Seen]
    detections: Detections | None  # what the detector said, of the frames that it looked at


class _Found(NamedTuple):
    """When and where a person was found last."""

    time: float
    seen: Seen
    velocity: NDArray[np.float32]  # (4,) of their box, pixels a second


class _Waiting:
    """A frame about which not all is known."""

    def __init__(self, frame: Frame, begins_shot: bool) -> None:
        self.frame = frame
        self.begins_shot = begins_shot
        self.people: list[Seen] = []
        self.detections: Detections | None = None

    def done(self) -> Followed:
        people = sorted(self.people, key=lambda seen: seen.identity)
        return Followed(self.frame, self.begins_shot, people, self.detections)


class Follower:
    """Follows people through the shots of one clip.

    Args:
        detector: finds them.
        tracking: settings.
        known: detections of an earlier, interrupted run by frame, which are not made again.
        every_frame: whether the detector looks at every frame, whatever its interval.

    Raises:
        ValueError: a setting is negative.
    """

    def __init__(
        self,
        detector: Detector,
        tracking: Tracking,
        known: dict[int, Detections] | None = None,
        every_frame: bool = False,
    ) -> None:
        if min(tracking) < 0:
            raise ValueError("tracking's patience, bridge and shortest must not be negative")
        self._detector = detector
        self._interval = 0.0 if every_frame else detector.interval
        self._tracking = tracking
        self._known = known or {}
        self._tracker = IdentityTracker(tracking.patience)
        self._waiting: deque[_Waiting] = deque()
        self._looked: float | None = None  # when the detector has looked last
        self._searched = -np.inf  # when it has looked everywhere, or seen that nothing has changed there
        self._elsewhere = Elsewhere()
        self._last: dict[int, _Found] = {}  # of this shot: when and where each was found last

    def follow(self, frames: Iterable[tuple[Frame, bool]]) -> Iterator[Followed]:
        """The same frames with their people, in order; each comes when all about it is known.

        Args:
            frames: and whether a shot begins with each.

        Raises:
            DetectorError: the detector cannot go on.
        """
        for frame, begins in frames:
            if begins:
                yield from self._end_shot()
            self._waiting.append(_Waiting(frame, begins))
            if self._looked is None or frame.time - self._looked >= self._interval - 1e-6:
                self._look()
            yield from self._released(frame.time)
        yield from self._end_shot()

    def _end_shot(self) -> Iterator[Followed]:
        """Look at the last frame too, so that no box has to be guessed beyond the last detection."""
        if self._waiting and self._waiting[-1].detections is None:
            self._look()
        while self._waiting:
            yield self._waiting.popleft().done()
        self._tracker.cut()
        self._looked, self._last = None, {}
        self._searched = -np.inf
        self._elsewhere.forget()

    def _look(self) -> None:
        """Detect in the newest frame, and fill in the frames before it."""
        newest = self._waiting[-1]
        frame = newest.frame
        near, missed = self._near(frame.time)
        search = self._detector.search
        due = missed or frame.time - self._searched >= search - 1e-6
        everywhere = due and (missed or not search or self._elsewhere.changed(frame.image, near))
        found = self._known.get(frame.index)
        if found is None:
            found = self._detector.detect(frame, near, everywhere)
        newest.detections = found
        self._looked = frame.time
        if due:
            self._searched = frame.time
        if everywhere and search:
            self._elsewhere.searched(frame.image, found.boxes)
        identities = self._tracker.update(frame.time, found)
        if found.identities is not None:
            identities = found.identities.tolist()
        for identity, box, score in zip(identities, found.boxes, found.scores, strict=True):
            seen, velocity = Seen(identity, box, float(score)), np.zeros(4, np.float32)
            if identity in self._last:
                before = self._last[identity]
                self._bridge(before.time, before.seen, frame.time, seen)
                velocity = _velocity(before, frame.time, seen)
            newest.people.append(seen)
            self._last[identity] = _Found(frame.time, seen, velocity)

    def _near(self, now: float) -> tuple[NDArray[np.float32], bool]:
        """Where people (N, 4) are expected, and whether one of them, or everybody, was missed at the last look."""
        present = [found for found in self._last.values() if now - found.time <= self._tracking.patience]
        boxes = [found.seen.box + found.velocity * min(now - found.time, _STEADY) for found in present]
        missed = any(found.time != self._looked for found in present)
        return np.array(boxes, np.float32).reshape(-1, 4), missed or not present

    def _bridge(self, start: float, before: Seen, end: float, after: Seen) -> None:
        """Put a person into the frames between two detections, where these are near in time."""
        if end - start > max(self._tracking.bridge, self._interval) + 1e-6:
            return
        for waiting in self._waiting:
            if start < waiting.frame.time < end:
                share = (waiting.frame.time - start) / (end - start)
                box = before.box + np.float32(share) * (after.box - before.box)
                confidence = before.confidence + share * (after.confidence - before.confidence)
                waiting.people.append(Seen(after.identity, box, confidence))

    def _released(self, now: float) -> Iterator[Followed]:
        """The frames in which nobody can turn up any more."""
        span = max(self._tracking.bridge, self._interval)
        everywhere = self._waiting[-1].detections is not None
        seen_now = {seen.identity for seen in self._waiting[-1].people} if everywhere else set()
        # Whoever was found before and not now may be found again, and then the frames since are theirs.
        away = [found.time for who, found in self._last.items() if who not in seen_now]
        missing = [time for time in away if now - time < span]
        settled = min([*missing, self._looked if self._looked is not None else now])
        while self._waiting and (self._waiting[0].frame.time <= settled or len(self._waiting) > _MOST_WAITING):
            yield self._waiting.popleft().done()


def _velocity(before: _Found, time: float, seen: Seen) -> NDArray[np.float32]:
    """Of a person's box (4,) between two places: that of its centre, as its size says little of where they go."""
    if not 0 < time - before.time <= 2 * _STEADY:
        return np.zeros(4, np.float32)
    moved = (seen.box - before.seen.box).reshape(2, 2).mean(0)
    return np.tile(moved / np.float32(time - before.time), 2)
