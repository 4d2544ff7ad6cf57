"""OpenCV's own people detector: nothing to download, quick enough for two cores, for people who stand or walk."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.ops import box_iou, nms

from maflab.inference.detections import Detections, nobody
from maflab.inference.errors import DetectorError
from maflab.inference.frames import Frame, Picture, Source

# The detector's window is 64 x 128 pixels about a person of this share of it, the rest is margin on both sides.
_WINDOW = (64, 128)
_PERSON = (0.6, 0.8)
_OVERLAP = 0.4
# A person is found by several windows; what only one has found is a mistake more often than not.
_WINDOWS = 2
_FINE, _COARSE = 4, 8  # steps of the window in pixels
_COARSER = 0.6  # and of its size, of those that are tried closely
# About somebody who is known, in units of the smallest person that is looked for there: the largest, and what they were
# last; and by which share of their height they may have moved.
_LARGEST = 1.35
_LARGER = 1.15
_MOVED = 0.2
_SAME = 0.3  # overlap (IoU) of a box with where somebody was


class HogDetector:
    """Histograms of oriented gradients and a linear classifier, as OpenCV brings them.

    It knows people who are upright and seen whole. It finds them in a small copy of the frame, which is what makes it
    fast, and looks now and then: between two looks boxes are interpolated. Everywhere it looks coarsely, closely only
    where that finds nobody, and more seldom still while all who are known are found.

    Args:
        interval: seconds between the frames it looks at; 0: every frame.
        search: seconds between looks everywhere, while all who are known are found; 0: always.
        smallest: height of the smallest people it can find, as a share of the frame's.
        threshold: what the classifier's margin must exceed for somebody new; higher finds less and errs less.
        known: the same for somebody who was there a moment ago.
        steps: sizes that are tried for each doubling of a person's height.

    Raises:
        ValueError: a setting out of range.

    Source: Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005.
    """

    advice = (
        "OpenCV's detector knows upright people who are seen whole; try detector=torchvision, a lower "
        "detector.threshold, boxes of your own by detector=file, or detector=whole for pictures cut to a person"
    )

    def __init__(
        self,
        interval: float = 0.3,
        search: float = 1.0,
        smallest: float = 0.45,
        threshold: float = 0.6,
        known: float = 0.25,
        steps: float = 7.0,
    ) -> None:
        if min(interval, search) < 0 or not 0.05 <= smallest <= 1 or steps < 1:
            raise ValueError("interval and search must not be negative, smallest be in [0.05, 1], steps at least 1")
        self.interval = interval
        self.search = search
        self._height = round(_WINDOW[1] * _PERSON[1] / smallest)
        self._threshold, self._known = threshold, known
        self._steps = steps
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector()))

    def check(self, source: Source) -> None:
        """Serves everything."""

    def detect(self, frame: Frame, near: NDArray[np.float32] | None = None, everywhere: bool = True) -> Detections:
        """The people of a frame; the score grows with the classifier's margin."""
        image = frame.image
        if near is None or not len(near):  # nobody is known
            found = self._chosen(*self._in_all(image, _COARSE), image)
            return found if len(found.boxes) else self._chosen(*self._in_all(image, _FINE), image)
        looks = [self._about(image, box) for box in near]
        if everywhere:
            looks.append(self._in_all(image, _COARSE))
        boxes, margins = (np.concatenate(part) for part in zip(*looks, strict=True))
        return self._chosen(boxes, margins, image, near)

    def _in_all(self, image: Picture, stride: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        height, width = image.shape[:2]
        scale = self._height / height
        if min(width * scale, height) < 8:
            raise DetectorError(f"A frame of {width}x{height} pixels is too flat to find anybody in")
        # People who fill the frame have no margin in it.
        border = max(
            self._height // 6, (_WINDOW[1] - self._height) // 2 + 1, round((_WINDOW[0] - width * scale) / 2) + 1
        )
        return self._windows(image, scale, border, stride)

    def _about(self, image: Picture, box: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Windows about somebody; closer ones if the coarse ones do not show them."""
        found = self._pieces(image, box, _COARSE)
        return found if (found[1] > self._known).sum() >= _WINDOWS else self._pieces(image, box, _FINE)

    def _pieces(
        self, image: Picture, box: NDArray[np.float32], stride: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """In a piece of the frame about a box, so large that its person is a little larger than the window's."""
        left, top, right, bottom = (float(value) for value in box)
        tall = bottom - top
        scale = _WINDOW[1] * _PERSON[1] * _LARGER / tall
        largest = _LARGEST / scale
        reach_x = _WINDOW[0] * largest / 2 + _MOVED * tall
        reach_y = _WINDOW[1] * largest / 2 + _MOVED * tall / 2
        x, y = (left + right) / 2, (top + bottom) / 2
        edges = (round(x - reach_x), round(y - reach_y), round(x + reach_x), round(y + reach_y))
        height, width = image.shape[:2]
        inner = (max(edges[0], 0), max(edges[1], 0), min(edges[2], width), min(edges[3], height))
        if inner[0] >= inner[2] or inner[1] >= inner[3]:
            return np.zeros((0, 4)), np.zeros(0)
        piece = image[inner[1] : inner[3], inner[0] : inner[2]]
        outside = (inner[1] - edges[1], edges[3] - inner[3], inner[0] - edges[0], edges[2] - inner[2])
        piece = cv2.copyMakeBorder(piece, *outside, cv2.BORDER_REPLICATE).astype(np.uint8, copy=False)
        boxes, margins = self._windows(piece, scale, 0, stride)
        return boxes + np.array([edges[0], edges[1]] * 2), margins

    def _windows(
        self, image: Picture, scale: float, border: int, stride: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Boxes (N, 4) of people in a picture's pixels and their margins (N,), found in a scaled copy of it."""
        height, width = image.shape[:2]
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        small = cv2.copyMakeBorder(small, border, border, border, border, cv2.BORDER_REPLICATE)
        steps = self._steps * (_COARSER if border and stride == _COARSE else 1)
        found, margins = self._hog.detectMultiScale(
            small, winStride=(stride, stride), padding=(0, 0), scale=2 ** (1 / steps), groupThreshold=0
        )
        if not len(found):
            return np.zeros((0, 4)), np.zeros(0)
        x, y, w, h = (np.asarray(found, np.float64).reshape(-1, 4) - (border, border, 0, 0)).T
        aside, above = w * (1 - _PERSON[0]) / 2, h * (1 - _PERSON[1]) / 2
        boxes = np.stack((x + aside, y + above, x + w - aside, y + h - above), 1)
        # Borders between pixels scale; centres of pixels lie half a pixel off them.
        return boxes / np.tile((size[0] / width, size[1] / height), 2) - 0.5, np.ravel(margins).astype(np.float64)

    def _chosen(
        self,
        boxes: NDArray[np.float64],
        margins: NDArray[np.float64],
        image: Picture,
        near: NDArray[np.float32] | None = None,
    ) -> Detections:
        """One box a heap of windows, their mean weighted by their margins, if the best is above the threshold."""
        if not len(boxes):
            return nobody()
        limit = np.array([image.shape[1], image.shape[0]] * 2, np.float32) - 0.5
        windows = torch.from_numpy(np.clip(boxes.astype(np.float32), -0.5, limit))
        weight = torch.from_numpy(margins.astype(np.float32))
        best = nms(windows, weight, _OVERLAP)
        heaps = (box_iou(windows[best], windows) > _OVERLAP).float() * weight
        means = (heaps @ windows) / heaps.sum(1, keepdim=True)
        count = (heaps > 0).sum(1)
        extent = (means[:, 2:] - means[:, :2]).amin(1)
        known = torch.zeros(len(means), dtype=torch.bool)
        if near is not None:
            known = (box_iou(means, torch.from_numpy(near)) > _SAME).any(1)
        needed = torch.where(known, self._known, self._threshold)
        kept = (weight[best] > needed) & (count >= _WINDOWS) & (extent > 1)
        return Detections(means[kept].numpy(), 1 - np.exp(-weight[best][kept].numpy()))
