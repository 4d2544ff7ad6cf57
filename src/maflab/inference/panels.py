"""The people of a frame from the side and from above, to scale."""

from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maflab.body.model import BodyModel
from maflab.inference.recording import Recording
from maflab.render.coarse import coarse_mesh
from maflab.render.painting import Painter, window_of

_MARGIN = 1.1
# Metres of a body that one triangle may stand for: a person is some hundred pixels tall here.
_CELL = 0.04
_PAPER, _LINE, _INK = 246, 222, 110
# How many times its extent a scene is away: near enough to parallel rays.
_FAR = 60.0
# Rows are the picture's right, down and depth in camera axes. From the side: as seen from the picture's right, so that
# the camera stands to the left. From above: the camera stands below.
_SIDE = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (-1.0, 0.0, 0.0))
_TOP = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0))


class Bounds(NamedTuple):
    """What a view shows, in the camera frame."""

    low: tuple[float, float, float]  # metres
    high: tuple[float, float, float]


def scene_bounds(recording: Recording) -> Bounds | None:
    """Where the people of a recording are, with room for a body about each; None without people.

    A hundredth of the frames may lie outside: estimates that went wrong should not make everybody small.
    """
    places = [track.translation for track in recording.tracks if len(track.frames)]
    if not places:
        return None
    low, high = np.percentile(np.concatenate(places), (1, 99), axis=0)
    return _about(low, high)


class Panels:
    """Draws both views, the same scale for all frames where the bounds are given."""

    def __init__(self, body: BodyModel, bounds: Bounds | None) -> None:
        """
        Args:
            body: of the people.
            bounds: of the scene; None takes each frame's own.
        """
        mesh = coarse_mesh(body.template, body.faces, _CELL)
        self._kept = mesh.kept.to(body.template.device)
        self._painter = Painter(mesh.faces)
        self._bounds = bounds

    @staticmethod
    def width(height: int) -> int:
        """Of the panels beside a frame of this height: even, so that an even frame stays even."""
        return max(2, height // 4 * 2)

    def draw(self, vertices: Tensor, colours: Tensor, height: int) -> NDArray[np.uint8]:
        """
        Args:
            vertices: (P, V, 3) metres, camera frame.
            colours: (P, V, 3) RGB in [0, 1].
            height: of the frame beside which they stand, pixels.

        Returns:
            (height, width(height), 3) uint8 RGB: the side view above the top view.
        """
        vertices, colours = vertices[:, self._kept], colours[:, self._kept]
        bounds = self._bounds
        if bounds is None and len(vertices):
            points = vertices.mean(1).cpu().numpy()
            bounds = _about(points.min(0), points.max(0))
        upper = height // 2
        sizes = ((upper, self.width(height)), (height - upper, self.width(height)))
        views = ((_SIDE, "side"), (_TOP, "top"))
        return np.concatenate(
            [
                self._view(vertices, colours, size, torch.tensor(axes), name, bounds)
                for size, (axes, name) in zip(sizes, views, strict=True)
            ]
        )

    def _view(
        self,
        vertices: Tensor,
        colours: Tensor,
        size: tuple[int, int],
        axes: Tensor,
        name: str,
        bounds: Bounds | None,
    ) -> NDArray[np.uint8]:
        picture = np.full((*size, 3), _PAPER, np.uint8)
        step = 1
        if bounds is not None:
            corners = torch.tensor([bounds.low, bounds.high]) @ axes.T
            middle, extent = corners.mean(0), (corners[1] - corners[0]).abs()
            # One scale for both views: the larger of what each would need.
            scale = min(size) / max(b - a for a, b in zip(bounds.low, bounds.high, strict=True))
            step = _draw_grid(picture, middle.tolist(), scale)
            distance = _FAR * float(extent.max())
            turned = vertices @ axes.T.to(vertices) - middle.to(vertices)
            turned = turned + turned.new_tensor([0.0, 0.0, distance])
            centre = ((size[1] - 1) / 2, (size[0] - 1) / 2)
            window = window_of(turned, scale * distance, centre, size)
            if window is not None:
                left, top, right, bottom = window
                corner = (centre[0] - left, centre[1] - top)
                layer = self._painter.paint(turned, colours, scale * distance, (bottom - top, right - left), corner)
                region = picture[top:bottom, left:right]
                seen = layer.numpy()
                region[:] = np.where(seen[..., 3:] > 0, seen[..., :3], region)
        text = max(size[0], 160) / 700
        at = (round(12 * text), round(34 * text))
        cv2.putText(picture, f"{name} ({step} m grid)", at, cv2.FONT_HERSHEY_SIMPLEX, text, (_INK,) * 3, 1, cv2.LINE_AA)
        return picture


def _about(low: NDArray[np.floating], high: NDArray[np.floating]) -> Bounds:
    first, last = (low - _MARGIN).tolist(), (high + _MARGIN).tolist()
    return Bounds((first[0], first[1], first[2]), (last[0], last[1], last[2]))


def _draw_grid(picture: NDArray[np.uint8], middle: list[float], scale: float) -> int:
    """A line at every metre of the two axes that are seen, or at every tenth where they would lie closer than 8 pixels.

    Returns:
        Metres between lines.
    """
    height, width = picture.shape[:2]
    step = 1
    while step * scale < 8:
        step *= 10
    for axis, pixels in ((0, width), (1, height)):
        reach = pixels / 2 / scale
        first = int(np.ceil((middle[axis] - reach) / step)) * step
        for metre in np.arange(first, middle[axis] + reach, step):
            at = round((metre - middle[axis]) * scale + (pixels - 1) / 2)
            if 0 <= at < pixels:
                if axis == 0:
                    picture[:, at] = _LINE
                else:
                    picture[at] = _LINE
    return step
