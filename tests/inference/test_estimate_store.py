"""Shards: what goes in comes out, whatever becomes of the run; and the tracks that are made of them."""

from pathlib import Path

import numpy as np
import pytest

from maflab.inference.assembling import timeline, tracks_of
from maflab.inference.detections import Detections
from maflab.inference.errors import InputError
from maflab.inference.estimate_store import EstimateStore, Finished, Row


def row(identity: int, frame: int) -> Row:
    """Numbers that tell whose and when they are."""
    tag = np.float32(100 * identity + frame)
    rotations = np.full((2, 24, 3, 3), tag, np.float32)
    return Row(identity, np.full(3, tag), 0.5, rotations, np.full((2, 10), tag), np.full((2, 3), tag))


def finished(frame: int, *identities: int, begins: bool = False) -> Finished:
    found = Detections(np.full((1, 4), frame, np.float32), np.ones(1, np.float32)) if frame % 3 == 0 else None
    return Finished(frame, frame / 30, begins or frame == 0, found, [row(who, frame) for who in identities])


def filled(folder: Path, settings: dict, frames: int = 10) -> EstimateStore:
    """Person 1 throughout, person 2 from frame 4 on, nobody in frame 7; a shard ends after frame 4."""
    store = EstimateStore(folder, settings, resume=False)
    store.size = (64, 48)
    for frame in range(frames):
        people = () if frame == 7 else (1, 2) if frame >= 4 else (1,)
        store.add(finished(frame, *people, begins=frame == 8))
        if frame == 4:
            store.flush()
    store.flush()
    return store


def test_tracks_are_what_was_stored(tmp_path: Path) -> None:
    store = filled(tmp_path, {})
    assert store.done == 10
    line = timeline(tmp_path)
    np.testing.assert_allclose(line.times, np.arange(10) / 30)
    assert (line.shots.tolist(), line.size) == ([0, 8], (64, 48))
    one, two = tracks_of(tmp_path, line, shortest=0.0)
    assert one.frames.tolist() == [0, 1, 2, 3, 4, 5, 6, 8, 9]
    assert two.frames.tolist() == [4, 5, 6, 8, 9]
    for track in (one, two):
        expected = 100 * track.identity + track.frames
        np.testing.assert_array_equal(track.crops[:, 0], expected)
        np.testing.assert_array_equal(track.rotations[:, 5, 1, 2], expected)
        assert track.refinement is not None
        np.testing.assert_array_equal(track.refinement.betas[:, 1, 3], expected)


def test_a_damaged_shard_ends_what_is_known(tmp_path: Path) -> None:
    filled(tmp_path, {})
    damaged = sorted(tmp_path.glob("0*.npz"))[1]
    damaged.write_bytes(damaged.read_bytes()[:200])
    again = EstimateStore(tmp_path, {}, resume=True)
    assert again.done == 5
    again.size = (64, 48)
    again.add(finished(5, 1))
    again.flush()
    assert len(timeline(tmp_path).times) == 6


def test_detections_come_back(tmp_path: Path) -> None:
    known = filled(tmp_path, {}).known_detections()
    assert sorted(known) == [0, 3, 6, 9]
    np.testing.assert_array_equal(known[6].boxes, np.full((1, 4), 6))
    assert known[6].identities is None


def test_who_is_seen_for_a_moment_is_left_out_of_a_long_shot(tmp_path: Path) -> None:
    store = EstimateStore(tmp_path, {}, resume=False)
    for frame in range(60):
        people = [1] + [2] * (20 <= frame < 23) + [3] * (frame == 59)
        store.add(finished(frame, *people, begins=frame == 59))
    store.flush()
    kept = tracks_of(tmp_path, timeline(tmp_path), shortest=0.3)
    assert [track.identity for track in kept] == [1, 3], "the last shot is one frame long"


def test_settings_must_be_the_same_to_go_on(tmp_path: Path) -> None:
    filled(tmp_path, {"checkpoint": "a", "margin": 1.2})
    with pytest.raises(InputError, match=r"checkpoint was a and is b"):
        EstimateStore(tmp_path, {"checkpoint": "b", "margin": 1.2}, resume=True)
    assert EstimateStore(tmp_path, {"checkpoint": "a", "margin": 1.2}, resume=True).done == 10
    assert EstimateStore(tmp_path, {"checkpoint": "b"}, resume=False).done == 0
    with pytest.raises(InputError, match="nothing to go on with"):
        EstimateStore(tmp_path / "new", {}, resume=True)
