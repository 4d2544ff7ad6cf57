"""Who is who: paths that are known, detections that are missing, people who leave, cross and return."""

import numpy as np
import pytest

from maflab.inference.detections import Detections
from maflab.inference.tracking import IdentityTracker

SIZE = np.array([60.0, 150.0])


def found(*centres: tuple[float, float]) -> Detections:
    middles = np.array(centres, float).reshape(-1, 2)
    boxes = np.concatenate((middles - SIZE / 2, middles + SIZE / 2), 1).astype(np.float32)
    return Detections(boxes, np.ones(len(boxes), np.float32))


@pytest.mark.parametrize("rate", [5.0, 12.0, 30.0, 120.0])
def test_people_keep_their_identities_at_any_rate(rate: float) -> None:
    tracker = IdentityTracker(1.0)
    for frame in range(int(3 * rate)):
        time = frame / rate
        seen = [(100 + 80 * time, 200.0), (500 - 60 * time, 220.0)]
        order = (0, 1) if frame % 2 else (1, 0)  # a detector has no order
        identities = tracker.update(time, found(*(seen[n] for n in order)))
        assert [identities[order.index(n)] for n in (0, 1)] == [2, 1]


def test_two_who_pass_each_other_are_not_exchanged() -> None:
    """They overlap, and one is hidden for a moment; where each was going tells them apart."""
    tracker = IdentityTracker(1.0)
    for frame in range(91):
        time = frame / 30
        left, right = (100 + 150 * time, 200.0), (550 - 150 * time, 215.0)
        hidden = abs(left[0] - right[0]) < 20
        identities = tracker.update(time, found(left) if hidden else found(left, right))
        if not hidden:
            assert identities == [1, 2]


@pytest.mark.parametrize("rate", [10.0, 30.0])
@pytest.mark.parametrize(("away", "same"), [(0.4, True), (0.9, True), (1.6, False)])
def test_who_leaves_and_returns_within_a_second_is_the_same(away: float, same: bool, rate: float) -> None:
    """Walks out at the left border, turns around there and comes back where nothing expects them."""
    tracker = IdentityTracker(1.0)
    time = 0.0
    for frame in range(int(rate)):
        time = frame / rate
        first = tracker.update(time, found((150 - 120 * time, 200.0)))
    gone = time
    while time + 1 / rate < gone + away - 1e-6:
        time += 1 / rate
        tracker.update(time, found())
    back = tracker.update(gone + away, found((40.0, 205.0)))
    assert (back == first) is same


def test_somebody_else_far_away_is_somebody_else() -> None:
    tracker = IdentityTracker(1.0)
    first = tracker.update(0.0, found((100.0, 200.0)))
    tracker.update(0.1, found())
    assert tracker.update(0.2, found((500.0, 200.0))) != first


def test_after_a_cut_everybody_is_new() -> None:
    tracker = IdentityTracker(1.0)
    assert tracker.update(0.0, found((100.0, 200.0))) == [1]
    tracker.cut()
    assert tracker.update(0.03, found((100.0, 200.0))) == [2]


def test_negative_patience_is_refused() -> None:
    with pytest.raises(ValueError, match="patience"):
        IdentityTracker(-1.0)
