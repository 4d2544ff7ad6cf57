"""Drawn frames: where people are, in which colour, how opaque, and to which scale from the side and from above."""

import colorsys

import numpy as np
import pytest
import torch
from recordings import random_recording

from maflab.body.model import BodyModel
from maflab.inference.drawing import FrameDrawer, Overlay, People, colour_of, people_of, rows_by_frame
from maflab.inference.panels import Bounds, scene_bounds
from maflab.render.raycast import RayCaster

FOCAL, CENTRE = 300.0, (99.5, 70.0)
BARE = Overlay(opacity=1.0, panels=False, labels=False)


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (141, 201, 3), dtype=np.uint8)


@pytest.fixture
def people(tiny_body: BodyModel) -> People:
    """Two who stand upright, the second to the right and farther away."""
    rotations = tiny_body.mean_rotations[None].repeat(2, 1, 1, 1)
    rotations[:, 0] = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    vertices = tiny_body(rotations, torch.zeros(2, 10)).vertices
    return People([4, 9], vertices + torch.tensor([[[-0.3, 0.0, 5.0]], [[0.9, 0.0, 8.0]]]))


def met(body: BodyModel, people: People, size: tuple[int, int]) -> np.ndarray:
    return (RayCaster(body.faces).cast(people.vertices, FOCAL, size, CENTRE).face >= 0).numpy()


def hue(colour: np.ndarray) -> float:
    return colorsys.rgb_to_hsv(*(colour / 255))[0]


def test_people_cover_their_pixels_in_their_colours(tiny_body: BodyModel, people: People, image: np.ndarray) -> None:
    before = image.copy()
    picture = FrameDrawer(tiny_body, BARE).draw(image, people, FOCAL, CENTRE)
    assert np.array_equal(image, before)
    covered = met(tiny_body, people, image.shape[:2])
    changed = (picture != image).any(-1)
    assert covered.any((1, 2)).all()
    assert changed[covered.any(0)].mean() > 0.99
    beyond = changed & ~covered.any(0)
    assert beyond.sum() < 0.3 * changed.sum()  # the outline, which is one pixel wide
    for identity, mask in zip(people.identities, covered, strict=True):
        expected = colorsys.rgb_to_hsv(*colour_of(identity))[0]
        assert abs(hue(picture[mask].mean(0)) - expected) < 0.04


def test_a_part_of_the_frame_is_as_the_whole(tiny_body: BodyModel, people: People) -> None:
    """Only people's surroundings are cast; a person at the border is cut, one outside is not seen."""
    blank = np.zeros((141, 201, 3), np.uint8)
    drawer = FrameDrawer(tiny_body, BARE)
    whole = drawer.draw(blank, people, FOCAL, CENTRE)
    shifted = drawer.draw(blank, people, FOCAL, (CENTRE[0] - 90, CENTRE[1] + 40))
    assert np.array_equal(shifted[45:-5, 5:100], whole[5:-45, 95:190])
    assert whole[5:-45, 95:190].any()
    assert not drawer.draw(blank, people, FOCAL, (CENTRE[0] + 900, CENTRE[1])).any()
    nobody = People([], people.vertices[:0])
    assert not drawer.draw(blank, nobody, FOCAL, CENTRE).any()
    # Somebody who reaches behind the camera is drawn as far as they are in front of it.
    near = People([1], people.vertices[:1] * torch.tensor([1.0, 1.0, 0.0]) + torch.linspace(-1, 1, 3)[0])
    assert drawer.draw(blank, near, FOCAL, CENTRE).shape == blank.shape


def test_opacity_mixes(tiny_body: BodyModel, people: People, image: np.ndarray) -> None:
    full, half, none = (
        FrameDrawer(tiny_body, BARE._replace(opacity=opacity)).draw(image, people, FOCAL, CENTRE).astype(float)
        for opacity in (1.0, 0.5, 0.0)
    )
    assert np.array_equal(none, image)
    assert np.abs(half - (full + image) / 2).max() <= 2
    with pytest.raises(ValueError, match=r"overlay\.opacity"):
        FrameDrawer(tiny_body, Overlay(opacity=1.5))
    with pytest.raises(ValueError, match=r"a frame is \(H, W, 3\) uint8"):
        FrameDrawer(tiny_body, BARE).draw(image[..., 0], people, FOCAL, CENTRE)


def test_large_frames_are_drawn_coarser_but_in_place(
    tiny_body: BodyModel, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    blank = np.zeros((141, 201, 3), np.uint8)
    fine = FrameDrawer(tiny_body, BARE).draw(blank, people, FOCAL, CENTRE).astype(float)
    monkeypatch.setattr("maflab.inference.drawing._MOST_RAYS", 3000)
    coarse = FrameDrawer(tiny_body, BARE).draw(blank, people, FOCAL, CENTRE).astype(float)
    assert not np.array_equal(fine, coarse)

    def middle(picture: np.ndarray) -> np.ndarray:
        weight = picture.sum(-1)
        y, x = np.mgrid[: len(weight), : weight.shape[1]]
        return np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()

    assert np.abs(middle(fine) - middle(coarse)).max() < 0.15
    assert coarse.sum() == pytest.approx(fine.sum(), rel=0.03)


def test_labels_stand_above_their_people(tiny_body: BodyModel, people: People) -> None:
    blank, lower = np.zeros((181, 201, 3), np.uint8), (CENTRE[0], 110.0)
    plain = FrameDrawer(tiny_body, BARE).draw(blank, people, FOCAL, lower)
    drawer = FrameDrawer(tiny_body, BARE._replace(labels=True))
    rows, columns = np.nonzero((plain != drawer.draw(blank, people, FOCAL, lower)).any(-1))
    for mask in met(tiny_body, people, (141, 201)):
        top, middle = np.argwhere(mask)[0]
        mine = np.abs(columns - middle) < 12
        assert mine.any()
        assert top + 20 < rows[mine].max() < top + 42
    assert not drawer.draw(blank, people, FOCAL, (5000.0, 0.0)).any()
    # Where there is no room above, the number is written over the head.
    assert drawer.draw(blank, people, FOCAL, (CENTRE[0], 40.0)).any()


@pytest.mark.parametrize("shape", [(141, 201), (100, 60), (3, 5)])
def test_panels_widen_the_picture(tiny_body: BodyModel, people: People, shape: tuple[int, int]) -> None:
    drawer = FrameDrawer(tiny_body, Overlay())
    picture = drawer.draw(np.zeros((*shape, 3), np.uint8), people, FOCAL, CENTRE)
    width, height = drawer.size(shape[1], shape[0])
    assert picture.shape == (height, width, 3)
    assert height == shape[0]
    assert (width - shape[1]) % 2 == 0


def test_panels_are_to_scale(tiny_body: BodyModel, people: People) -> None:
    """Eight metres over 200 pixels: three metres of depth between the two are 75 pixels to the right, and upwards."""
    bounds = Bounds((-4.0, -4.0, 2.0), (4.0, 4.0, 10.0))
    drawer = FrameDrawer(tiny_body, Overlay(labels=False), bounds)
    panels = drawer.draw(np.zeros((400, 10, 3), np.uint8), people, FOCAL, CENTRE)[:, 10:].astype(float)
    assert panels.shape == (400, 200, 3)

    def where(panel: np.ndarray) -> list[np.ndarray]:
        saturated = np.ptp(panel, axis=-1) > 40
        found = []
        for identity in people.identities:
            angle = np.array([hue(colour) for colour in panel[saturated]])
            mine = np.abs(angle - colorsys.rgb_to_hsv(*colour_of(identity))[0]) < 0.06
            found.append(np.argwhere(saturated)[mine].mean(0))
        return found

    near, far = where(panels[:200])
    assert far[1] - near[1] == pytest.approx(75, abs=2)
    assert far[0] == pytest.approx(near[0], abs=2)
    near, far = where(panels[200:])
    assert near[0] - far[0] == pytest.approx(75, abs=2)
    assert far[1] - near[1] == pytest.approx(1.2 * 25, abs=2)


def test_bounds_hold_everybody(tiny_body: BodyModel) -> None:
    recording = random_recording()
    bounds = scene_bounds(recording)
    assert bounds is not None
    for track in recording.tracks:
        assert (track.translation > np.array(bounds.low)).mean() > 0.9
    assert scene_bounds(recording._replace(tracks=[])) is None


def test_a_recordings_frames(tiny_body: BodyModel) -> None:
    recording = random_recording()
    rows = rows_by_frame(recording)
    assert rows[6] == [(0, 6)]
    assert rows[11] == [(1, 2)]
    assert rows[9] == []
    people = people_of(recording, rows[11], tiny_body)
    track = recording.tracks[1]
    alone = tiny_body(torch.from_numpy(track.rotations[2:]), torch.from_numpy(track.betas[2:])).vertices
    torch.testing.assert_close(people.vertices, alone + torch.from_numpy(track.translation[2]))
    image = np.zeros((361, 641, 3), np.uint8)
    drawer = FrameDrawer(tiny_body, BARE)
    expected = drawer.draw(image, people, float(recording.focal[11]), (320.0, 180.0))
    assert np.array_equal(drawer.draw_frame(image, recording, 11), expected)
    assert not drawer.draw_frame(image, recording, 9).any()


def test_colours_of_few_people_differ() -> None:
    colours = np.array([colour_of(identity) for identity in range(1, 9)])
    apart = np.abs(colours[:, None] - colours[None]).sum(-1)
    assert apart[~np.eye(8, dtype=bool)].min() > 0.15
    assert colour_of(3) == colour_of(3)
