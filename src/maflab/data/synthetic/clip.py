"""A short film of synthetic people who walk in circles: what is in it is known, and nobody's rights are touched.

Convention: camera frame x right, y down, z forward, metres; pixel (0, 0) is the centre of the frame's top-left one.
"""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from maflab.body.model import BodyModel
from maflab.data.synthetic.actions import LIBRARY
from maflab.data.synthetic.angles import to_rotations
from maflab.data.synthetic.chart import Chart
from maflab.data.synthetic.paint import colours, materials
from maflab.data.synthetic.paths import path_of, pose_on_path
from maflab.data.synthetic.people import sample_outfit
from maflab.data.synthetic.scenes import background
from maflab.render.painting import Painter

_CAMERA = np.diag([1.0, -1.0, -1.0])  # SMPL's axes (y up, z to the viewer) in the camera's (y down, z away)
_CAMERA_HEIGHT = 1.1  # metres above the ground
_RADIUS = 0.7  # of the circles, metres
_SPEED = 1.1  # metres a second
_STRIDE = 1.3  # metres that a cycle of the gait covers
_SPACING = 1.9  # metres between the circles' centres


class Clip(NamedTuple):
    """What is filmed.

    Args:
        frames: how many.
        people: how many.
        size: width and height in pixels.
        rate: frames a second.
        field_of_view: of the width, degrees.
        cut: the first frame of a second shot, with another background and other people; None: one shot.
        seed: of looks, bodies and places.
    """

    frames: int = 90
    people: int = 1
    size: tuple[int, int] = (640, 360)
    rate: float = 30.0
    field_of_view: float = 50.0
    cut: int | None = None
    seed: int = 0

    @property
    def focal(self) -> float:
        """Pixels."""
        return self.size[0] / 2 / float(np.tan(np.deg2rad(self.field_of_view) / 2))

    @property
    def centre(self) -> tuple[float, float]:
        """Principal point, pixels."""
        return (self.size[0] - 1) / 2, (self.size[1] - 1) / 2


class Shot(NamedTuple):
    """A frame and the people in it; vertices are `body(rotations, betas).vertices + translation`."""

    image: np.ndarray  # (H, W, 3) uint8 RGB
    identities: list[int]  # P, from 0; other people have other numbers in another shot
    rotations: Tensor  # (P, 24, 3, 3)
    betas: Tensor  # (P, 10)
    translation: Tensor  # (P, 3) metres, camera frame
    boxes: np.ndarray  # (P, 4) left, top, right, bottom of the mesh in the frame, pixels; not cut at its border


class _Person(NamedTuple):
    identity: int
    betas: Tensor  # (10,)
    albedo: Tensor  # (V, 3)
    centre: np.ndarray  # (2,) of the circle, x and z
    start: float  # angle on it


def film(body: BodyModel, clip: Clip) -> Iterator[Shot]:
    """The frames of a clip, one after the other; the same for the same body and clip.

    Raises:
        ValueError: no frames, no people, or a cut outside the clip.
    """
    if clip.frames < 1 or clip.people < 1:
        raise ValueError(f"A clip needs frames and people, not {clip.frames} and {clip.people}")
    if clip.cut is not None and not 0 < clip.cut < clip.frames:
        raise ValueError(f"A cut lies within the clip's {clip.frames} frames, not at {clip.cut}")
    painter, chart = Painter(body.faces), Chart(body.arrays)
    scene = people = None
    for frame in range(clip.frames):
        if frame in (0, clip.cut):
            rng = np.random.default_rng((clip.seed, int(frame > 0)))
            people = [_person(rng, body, chart, clip, number, frame > 0) for number in range(clip.people)]
            scene = _scene(rng, clip)
        assert scene is not None
        assert people is not None
        yield _shot(body, painter, clip, scene, people, frame)


@torch.no_grad()
def _shot(body: BodyModel, painter: Painter, clip: Clip, scene: np.ndarray, people: list[_Person], frame: int) -> Shot:
    walked = _SPEED * frame / clip.rate
    rotations = torch.from_numpy(np.stack([_pose(person, walked) for person in people])).float()
    betas = torch.stack([person.betas for person in people])
    vertices = body(rotations, betas).vertices
    angles = np.array([person.start for person in people]) + walked / _RADIUS
    places = np.stack([person.centre for person in people]) + _RADIUS * np.stack((np.cos(angles), np.sin(angles)), 1)
    translation = torch.zeros(len(people), 3)
    translation[:, [0, 2]] = torch.from_numpy(places).float()
    translation[:, 1] = _CAMERA_HEIGHT - vertices[..., 1].amax(1)  # the lowest point stands on the ground
    vertices = vertices + translation[:, None]
    image = _photograph(painter, clip, scene, vertices, torch.stack([person.albedo for person in people]), frame)
    pixels = clip.focal * vertices[..., :2] / vertices[..., 2:] + torch.tensor(clip.centre)
    boxes = torch.cat((pixels.amin(1), pixels.amax(1)), 1).numpy()
    return Shot(image, [person.identity for person in people], rotations, betas, translation, boxes)


def _person(rng: np.random.Generator, body: BodyModel, chart: Chart, clip: Clip, number: int, second: bool) -> _Person:
    outfit = sample_outfit(rng)
    rows = chart.rows(chart.table)
    albedo = colours(outfit, chart, rows, materials(outfit, chart, rows))
    betas = np.clip(rng.normal(0, 0.6, 10), -1.5, 1.5)
    sideways = _SPACING * (number - (clip.people - 1) / 2)
    # Far enough for all to be in the frame, the outer ones a little farther.
    depth = 4.7 + 1.6 * (clip.people - 1) + 0.3 * number
    identity = number + (clip.people if second else 0)
    return _Person(
        identity,
        torch.from_numpy(betas).float(),
        torch.from_numpy(np.clip(albedo, 0, 1)).float(),
        np.array([sideways, depth]),
        float(rng.uniform(0, 2 * np.pi)),
    )


def _pose(person: _Person, walked: float) -> np.ndarray:
    """Rotations (24, 3, 3) of a walker who has gone so many metres along the circle."""
    path = path_of(LIBRARY["walking"])
    rotations = to_rotations(pose_on_path(path, (walked / _STRIDE + person.start) % 1.0)[None])[0]
    turn = person.start + walked / _RADIUS + np.pi
    cosine, sine = np.cos(turn), np.sin(turn)
    rotations[0] = _CAMERA @ np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]]) @ rotations[0]
    return rotations


def _scene(rng: np.random.Generator, clip: Clip) -> np.ndarray:
    width, height = clip.size
    side = max(width, height)
    top = (side - height) // 2
    return background(rng, side, top + 0.85 * height)[top : top + height, (side - width) // 2 :][:, :width].copy()


def _photograph(
    painter: Painter, clip: Clip, scene: np.ndarray, vertices: Tensor, albedo: Tensor, frame: int
) -> np.ndarray:
    """The people before the scene, with soft outlines and a sensor's grain."""
    width, height = clip.size
    white = painter.lit(vertices, torch.ones(len(vertices), 3))
    lit = (albedo * white).clamp(0, 1) ** (1 / 2.2)
    layer = cv2.GaussianBlur(painter.paint(vertices, lit, clip.focal, (height, width), clip.centre).numpy(), (3, 3), 0)
    bare = cv2.cvtColor(255 - layer[..., 3], cv2.COLOR_GRAY2RGB)
    picture = cv2.add(cv2.multiply(scene, bare, scale=1 / 255), np.ascontiguousarray(layer[..., :3]))
    grain = np.random.default_rng((clip.seed, frame, 7)).standard_normal((height, width), dtype=np.float32) * 3
    return cv2.add(picture, cv2.merge([grain] * 3), dtype=cv2.CV_8U)
