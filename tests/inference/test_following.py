"""Boxes between detections, frames that wait no longer than they must, cuts, and runs that go on."""

from collections.abc import Iterator

import numpy as np
import pytest

from maflab.inference.detections import Detections, nobody
from maflab.inference.following import Followed, Follower
from maflab.inference.frames import Frame, Source
from maflab.inference.shots import shots
from maflab.inference.tracking import Tracking

BLANK = np.zeros((24, 32, 3), np.uint8)


class Watcher:
    """A detector that sees a person at 10 t pixels, but not in the frames of `blind`."""

    advice = "-"

    def __init__(self, interval: float = 0.0, blind: tuple[int, ...] = ()) -> None:
        self.interval, self.search = interval, 0.0
        self.blind = blind
        self.looked: list[int] = []
        self.near: list[np.ndarray] = []

    def check(self, source: Source) -> None: ...

    def detect(self, frame: Frame, near: np.ndarray | None = None, everywhere: bool = True) -> Detections:
        self.looked.append(frame.index)
        self.near.append(np.zeros((0, 4)) if near is None else near)
        if frame.index in self.blind:
            return nobody()
        x = 10 * frame.time
        return Detections(np.array([[x, 0, x + 40, 100]], np.float32), np.ones(1, np.float32))


def clip(count: int, cuts: tuple[int, ...] = (), rate: float = 30.0) -> Iterator[tuple[Frame, bool]]:
    for index in range(count):
        yield Frame(index, index / rate, BLANK), index == 0 or index in cuts


def left_edges(followed: list[Followed]) -> list[float | None]:
    return [float(one.people[0].box[0]) if one.people else None for one in followed]


def test_boxes_between_detections_lie_on_the_line() -> None:
    watcher = Watcher(interval=0.2)
    followed = list(Follower(watcher, Tracking()).follow(clip(40)))
    assert watcher.looked == [0, 6, 12, 18, 24, 30, 36, 39], "and in the last frame, so that nothing is guessed"
    assert left_edges(followed) == pytest.approx([10 * n / 30 for n in range(40)], abs=1e-3)
    assert [one.frame.index for one in followed] == list(range(40))
    assert {seen.identity for one in followed for seen in one.people} == {1}


def test_short_misses_are_bridged_and_long_ones_are_not() -> None:
    short = list(Follower(Watcher(blind=tuple(range(10, 20))), Tracking(bridge=0.5)).follow(clip(40)))
    assert left_edges(short) == pytest.approx([10 * n / 30 for n in range(40)], abs=1e-3)
    long = list(Follower(Watcher(blind=tuple(range(10, 30))), Tracking(bridge=0.5)).follow(clip(40)))
    assert [one.frame.index for one in long if not one.people] == list(range(10, 30))
    assert {seen.identity for one in long for seen in one.people} == {1}, "gone for two thirds of a second"


def test_frames_do_not_wait_longer_than_the_bridge() -> None:
    read = []

    def frames() -> Iterator[tuple[Frame, bool]]:
        for pair in clip(200):
            read.append(pair[0].index)
            yield pair

    for one in Follower(Watcher(blind=tuple(range(20, 200))), Tracking(bridge=0.5)).follow(frames()):
        assert read[-1] - one.frame.index <= 16


def test_cuts_split_people_and_boxes_do_not_cross_them() -> None:
    watcher = Watcher(interval=1.0)
    followed = list(Follower(watcher, Tracking()).follow(clip(30, cuts=(11,))))
    assert watcher.looked == [0, 10, 11, 29]
    assert [one.people[0].identity for one in followed] == [1] * 11 + [2] * 19
    assert [one.frame.index for one in followed if one.begins_shot] == [0, 11]


def test_what_was_detected_before_is_not_detected_again() -> None:
    first = Watcher(interval=0.2, blind=(12,))
    whole = list(Follower(first, Tracking()).follow(clip(40)))
    known = {one.frame.index: one.detections for one in whole[:20] if one.detections is not None}
    second = Watcher(interval=0.2, blind=(12,))
    again = list(Follower(second, Tracking(), known).follow(clip(40)))
    assert min(second.looked) >= 20
    for one, other in zip(whole, again, strict=True):
        assert [seen.identity for seen in one.people] == [seen.identity for seen in other.people]
        np.testing.assert_array_equal([seen.box for seen in one.people], [seen.box for seen in other.people])


def textured(seed: int, count: int, start: int, speed: int = 0) -> Iterator[Frame]:
    scene = np.random.default_rng(seed).integers(0, 255, (3, 12, 3), np.uint8).repeat(48, 0).repeat(48, 1)
    for index in range(count):
        at = index * speed
        yield Frame(start + index, (start + index) / 30, scene[:, at : at + 256])


def test_cuts_are_found_and_pans_and_flashes_are_none() -> None:
    def film() -> Iterator[Frame]:
        yield from textured(0, 20, 0)
        yield from textured(1, 30, 20, speed=4)
        for frame in textured(2, 20, 50):
            yield frame._replace(image=np.full_like(frame.image, 255)) if frame.index == 60 else frame

    assert [frame.index for frame, begins in shots(film(), False, 27.0) if begins] == [0, 20, 50]
    assert [frame.index for frame, _ in shots(film(), False, 27.0)] == list(range(70))
    assert [frame.index for frame, begins in shots(film(), False, 0.0) if begins] == [0]


def test_pictures_that_have_nothing_to_do_with_each_other_are_shots_of_their_own() -> None:
    def album() -> Iterator[Frame]:
        for seed in range(5):
            yield from textured(seed, 1, seed)

    assert [begins for _, begins in shots(album(), True, 27.0)] == [True] * 5


def test_the_detector_is_told_where_people_will_be() -> None:
    """A person at 10 t pixels; when missed they are expected to go on for half a second, not for ever."""
    watcher = Watcher(interval=0.2, blind=(18, 24, 30))
    list(Follower(watcher, Tracking()).follow(clip(40)))
    told = zip(watcher.looked, watcher.near, strict=True)
    expected = {looked: float(near[0, 0]) for looked, near in told if len(near)}
    assert expected[6] == pytest.approx(0), "nothing is known of their speed yet"
    assert expected[12] == pytest.approx(4, abs=1e-3)
    assert expected[18] == pytest.approx(6, abs=1e-3)
    assert expected[24] == pytest.approx(8, abs=1e-3)
    assert expected[30] == expected[36] == pytest.approx(9, abs=1e-3), "half a second after frame 12"
