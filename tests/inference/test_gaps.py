"""Gaps: what is filled, with what, and where pieces end."""

import numpy as np
from recordings import random_track
from scipy.spatial.transform import Rotation, Slerp

from maflab.inference.gaps import fill_gaps, pieces

TIMES = np.cumsum(np.random.default_rng(1).uniform(0.02, 0.06, 60)) - 0.02
ONE_SHOT = np.array([0])
OWN = np.array([2, 3, 4, 8, 9, 40, 41])


def test_short_gaps_are_filled_by_time() -> None:
    track = random_track(np.random.default_rng(0), 5, OWN, refined=True)
    filled = fill_gaps(track, TIMES, ONE_SHOT, 0.5)
    assert filled.frames.tolist() == [2, 3, 4, 5, 6, 7, 8, 9, 40, 41]
    assert filled.filled[3:6].all()
    assert not filled.confidence[3:6].any()
    kept = np.isin(filled.frames, OWN)
    for name, before, after in zip(track._fields, track, filled, strict=True):
        if name not in ("identity", "refinement"):
            np.testing.assert_array_equal(after[kept], before, err_msg=name)
    for joint in (0, 17):
        way = Slerp(TIMES[[4, 8]], Rotation.from_matrix(track.rotations[2:4, joint].astype(float)))
        np.testing.assert_allclose(filled.rotations[3:6, joint], way(TIMES[5:8]).as_matrix(), atol=1e-5)
    for axis in range(3):
        line = np.interp(TIMES[5:8], TIMES[[4, 8]], track.translation[2:4, axis])
        np.testing.assert_allclose(filled.translation[3:6, axis], line, rtol=1e-5)
    assert filled.refinement is not None
    way = Slerp(TIMES[[4, 8]], Rotation.from_matrix(track.refinement.rotations[2:4, 1, 3].astype(float)))
    np.testing.assert_allclose(filled.refinement.rotations[3:6, 1, 3], way(TIMES[5:8]).as_matrix(), atol=1e-5)


def test_long_gaps_and_cuts_stay_open() -> None:
    track = random_track(np.random.default_rng(0), 5, OWN)
    assert fill_gaps(track, TIMES, np.array([0, 6]), 0.5) is track
    assert fill_gaps(track, TIMES, ONE_SHOT, 0.0) is track
    assert len(fill_gaps(track, TIMES, ONE_SHOT, 10.0).frames) == 40
    nobody = random_track(np.random.default_rng(0), 5, OWN[:0])
    assert fill_gaps(nobody, TIMES, ONE_SHOT, 10.0) is nobody


def test_pieces_end_at_cuts_and_long_gaps() -> None:
    def cut(shots: list[int], max_gap: float) -> list[list[int]]:
        return [OWN[piece].tolist() for piece in pieces(OWN, TIMES, np.array(shots), max_gap)]

    assert cut([0], 0.5) == [[2, 3, 4, 8, 9], [40, 41]]
    assert cut([0, 3, 50], 0.5) == [[2], [3, 4, 8, 9], [40, 41]]
    assert cut([0], 99.0) == [OWN.tolist()]
    # Neighbours in a slow clip are no gap.
    assert cut([0], 0.0) == [[2, 3, 4], [8, 9], [40, 41]]
    assert pieces(OWN[:0], TIMES, ONE_SHOT, 1.0) == []
