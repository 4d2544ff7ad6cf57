"""Frames with their people drawn over them: one stable colour a person, the near in front of the far."""

import colorsys
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maflab.body.model import BodyModel
from maflab.inference.panels import Bounds, Panels
from maflab.inference.recording import Recording
from maflab.render.painting import Painter, window_of

# Rays a frame: with more pixels to look at, the mesh is drawn coarser and enlarged.
_MOST_RAYS = 200_000
_NEAREST = 0.05
_GOLDEN = 0.618034

Picture = NDArray[np.uint8]
"""(H, W, 3) RGB."""


class Overlay(NamedTuple):
    """How frames are drawn.

    Args:
        opacity: of the meshes, in [0, 1].
        panels: whether a side and a top view stand to the right of the frame.
        labels: whether the people's numbers are written above them.
    """

    opacity: float = 0.9
    panels: bool = True
    labels: bool = True


class People(NamedTuple):
    """Who is in a frame."""

    identities: list[int]  # P
    vertices: Tensor  # (P, V, 3) metres, camera frame


class FrameDrawer:
    """Draws frame after frame of one recording.

    It reads nothing that changes and keeps nothing between frames but lists of triangles, so frames may come in any
    order; one thread at a time.
    """

    def __init__(self, body: BodyModel, overlay: Overlay, bounds: Bounds | None = None) -> None:
        """
        Args:
            body: the recording's.
            overlay: settings.
            bounds: what the side and top view show, from `panels.scene_bounds`; by default each frame's own people.

        Raises:
            ValueError: an opacity outside [0, 1].
        """
        if not 0 <= overlay.opacity <= 1:
            raise ValueError(f"overlay.opacity must be in [0, 1], it is {overlay.opacity}")
        self._body = body
        self._overlay = overlay
        self._painter = Painter(body.faces)
        self._panels = Panels(body, bounds)
        self._recording: Recording | None = None
        self._rows: list[list[tuple[int, int]]] = []

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the pictures drawn from frames of this size."""
        return (width + Panels.width(height) if self._overlay.panels else width), height

    def draw_frame(self, image: Picture, recording: Recording, frame: int) -> Picture:
        """Frame number `frame` of a recording whose tracks are settled, over its picture (H, W, 3)."""
        if self._recording is not recording:
            self._recording, self._rows = recording, rows_by_frame(recording)
        people = people_of(recording, self._rows[frame], self._body)
        centre = (float(recording.centre[frame, 0]), float(recording.centre[frame, 1]))
        return self.draw(image, people, float(recording.focal[frame]), centre)

    def draw(self, image: Picture, people: People, focal: float, centre: tuple[float, float]) -> Picture:
        """People over a picture.

        Args:
            image: (H, W, 3) uint8 RGB.
            people: of any number.
            focal: pixels.
            centre: principal point, pixels.

        Returns:
            (H, W', 3) uint8 RGB, a new picture, wider by the panels.

        Raises:
            ValueError: the picture is none.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"a frame is (H, W, 3) uint8, got {image.dtype} of {tuple(image.shape)}.")
        picture = np.ascontiguousarray(image).copy()
        albedo = torch.tensor([colour_of(one) for one in people.identities]).view(-1, 3)
        colours = self._painter.lit(people.vertices, albedo.to(people.vertices.device))
        self._mix(picture, people.vertices, colours, focal, centre)
        if self._overlay.labels:
            for identity, vertices in zip(people.identities, people.vertices, strict=True):
                write_label(picture, vertices, identity, focal, centre)
        if not self._overlay.panels:
            return picture
        return np.concatenate((picture, self._panels.draw(people.vertices, colours, len(image))), axis=1)

    def _mix(
        self, picture: Picture, vertices: Tensor, colours: Tensor, focal: float, centre: tuple[float, float]
    ) -> None:
        """Draw into a picture."""
        window = window_of(vertices, focal, centre, picture.shape[:2])
        if window is None:
            return
        left, top, right, bottom = window
        width, height = right - left, bottom - top
        density = min(1.0, (_MOST_RAYS / (width * height)) ** 0.5)
        rays = (max(1, round(height * density)), max(1, round(width * density)))
        # Pixel x of the frame is pixel (x - left + 1/2) along - 1/2 of what is painted; rows and columns of a coarse
        # picture differ a little in density, which the meshes make good.
        down, along = rays[0] / height, rays[1] / width
        middle = ((centre[0] - left + 0.5) * along - 0.5, (centre[1] - top + 0.5) * down - 0.5)
        stretched = vertices * vertices.new_tensor([1.0, down / along, 1.0])
        layer = self._painter.paint(stretched, colours, focal * along, rays, middle).numpy()
        if rays != (height, width):
            layer = cv2.resize(layer, (width, height), interpolation=cv2.INTER_LINEAR)
        else:
            _soften_outline(layer)
        region = picture[top:bottom, left:right]
        opacity = self._overlay.opacity
        rest = cv2.convertScaleAbs(layer[..., 3], alpha=-opacity, beta=255.0)
        behind = cv2.multiply(region, cv2.cvtColor(rest, cv2.COLOR_GRAY2RGB), scale=1 / 255)
        front = cv2.convertScaleAbs(np.ascontiguousarray(layer[..., :3]), alpha=opacity)
        picture[top:bottom, left:right] = cv2.add(behind, front)


def colour_of(identity: int) -> tuple[float, float, float]:
    """A person's colour, RGB in [0, 1]: hues a golden section of the circle apart, so that any few differ well."""
    return colorsys.hsv_to_rgb((0.58 + identity * _GOLDEN) % 1.0, 0.5, 0.92)


def rows_by_frame(recording: Recording) -> list[list[tuple[int, int]]]:
    """For every frame the tracks that are in it, each as its number and the frame's row in it."""
    rows: list[list[tuple[int, int]]] = [[] for _ in recording.times]
    for number, track in enumerate(recording.tracks):
        for row, frame in enumerate(track.frames.tolist()):
            rows[frame].append((number, row))
    return rows


@torch.no_grad()
def people_of(recording: Recording, rows: list[tuple[int, int]], body: BodyModel) -> People:
    """The meshes of one frame's people, from `rows_by_frame`."""
    tracks = [(recording.tracks[number], row) for number, row in rows]
    if not tracks:
        return People([], body.template.new_zeros((0, body.num_vertices, 3)))

    def stacked(values: list[NDArray[np.float32]]) -> Tensor:
        return torch.from_numpy(np.stack(values)).to(body.template)

    rotations = stacked([track.rotations[row] for track, row in tracks])
    betas = stacked([track.betas[row] for track, row in tracks])
    translation = stacked([track.translation[row] for track, row in tracks])
    vertices = body(rotations, betas).vertices + translation[:, None]
    return People([track.identity for track, _ in tracks], vertices)


def write_label(picture: Picture, vertices: Tensor, identity: int, focal: float, centre: tuple[float, float]) -> None:
    """Write a person's number above the highest point of their mesh (V, 3), into the picture."""
    height, width = picture.shape[:2]
    x, y, z = vertices[vertices[:, 1].argmin()].tolist()
    if z < _NEAREST:
        return
    size = max(height, 400) / 900
    thickness = max(1, round(2 * size))
    text = str(identity)
    (text_width, text_height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, thickness)
    left = round(focal * x / z + centre[0] - text_width / 2)
    base = max(round(focal * y / z + centre[1] - 0.5 * text_height), text_height + 2)
    if not -text_width < left < width or base > height + text_height:
        return
    at = (min(max(left, 2), max(width - text_width - 2, 2)), base)
    ink = [round(255 * part) for part in colour_of(identity)]
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 2 * thickness + 1, cv2.LINE_AA)
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, ink, thickness, cv2.LINE_AA)


def _soften_outline(layer: NDArray[np.uint8]) -> None:
    """Blur colour and alpha (H, W, 4) where the outline is, one pixel wide; inside nothing changes."""
    blurred = cv2.blur(layer, (3, 3))
    outline = (blurred[..., 3] < 255).astype(np.uint8)
    cv2.copyTo(blurred, outline, layer)
