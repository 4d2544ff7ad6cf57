"""OpenCV's own people detector: nothing to download, quick enough for two cores, for people who stand or walk."""

import cv2
import numpy as np
import torch
from torchvision.ops import box_iou, nms

from maflab.inference.detections import Detections, nobody
from maflab.inference.errors import DetectorError
from maflab.inference.frames import Frame, Source

# The detector's window is 64 x 128 pixels about a person of this share of it, the rest is margin on both sides.
_WINDOW = (64, 128)
_PERSON = (0.6, 0.8)
_OVERLAP = 0.4
_STRIDE = (4, 4)
# A person is found by several windows; what only one has found is a mistake more often than not.
_WINDOWS = 2


class HogDetector:
    """Histograms of oriented gradients and a linear classifier, as OpenCV brings them.

    It knows people who are upright and seen whole. It finds them in a small copy of the frame, which is what makes it
    fast, and looks at a frame now and then: between them boxes are interpolated.

    Args:
        interval: seconds between the frames it looks at; 0: every frame.
        smallest: height of the smallest people it can find, as a share of the frame's.
        threshold: what the classifier's margin must exceed; higher finds less and errs less.
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
        self, interval: float = 0.3, smallest: float = 0.45, threshold: float = 0.5, steps: float = 7.0
    ) -> None:
        if interval < 0 or not 0.05 <= smallest <= 1 or steps < 1:
            raise ValueError("interval must not be negative, smallest be in [0.05, 1] and steps at least 1")
        self.interval = interval
        self._height = round(_WINDOW[1] * _PERSON[1] / smallest)
        self._threshold = threshold
        self._scale = 2 ** (1 / steps)
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector()))

    def check(self, source: Source) -> None:
        """Serves everything."""

    def detect(self, frame: Frame) -> Detections:
        """The people of a frame; the score grows with the classifier's margin."""
        height, width = frame.image.shape[:2]
        scale = self._height / height
        small = max(1, round(width * scale)), self._height
        if min(small) < 8:
            raise DetectorError(f"A frame of {width}x{height} pixels is too flat to find anybody in")
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        picture = cv2.resize(frame.image, small, interpolation=way)
        # People who fill the frame have no margin in it.
        border = max(self._height // 6, (_WINDOW[1] - self._height) // 2 + 1, (_WINDOW[0] - small[0]) // 2 + 1)
        picture = cv2.copyMakeBorder(picture, border, border, border, border, cv2.BORDER_REPLICATE)
        found, margins = self._hog.detectMultiScale(
            picture, winStride=_STRIDE, padding=(0, 0), scale=self._scale, groupThreshold=0
        )
        if not len(found):
            return nobody()
        x, y, w, h = (np.asarray(found, np.float64).reshape(-1, 4) - (border, border, 0, 0)).T
        aside, above = w * (1 - _PERSON[0]) / 2, h * (1 - _PERSON[1]) / 2
        boxes = np.stack((x + aside, y + above, x + w - aside, y + h - above), 1)
        # Borders between pixels scale; centres of pixels lie half a pixel off them.
        boxes = boxes / np.tile((small[0] / width, scale), 2) - 0.5
        return self._chosen(boxes.astype(np.float32), np.ravel(margins).astype(np.float32), width, height)

    def _chosen(self, boxes: np.ndarray, margins: np.ndarray, width: int, height: int) -> Detections:
        """One box a heap of windows, their mean weighted by their margins, if the best is above the threshold."""
        limit = np.array([width, height, width, height], np.float32) - 0.5
        windows, weight = torch.from_numpy(np.clip(boxes, -0.5, limit)), torch.from_numpy(margins)
        best = nms(windows, weight, _OVERLAP)
        heaps = (box_iou(windows[best], windows) > _OVERLAP).float() * weight
        means = (heaps @ windows) / heaps.sum(1, keepdim=True)
        count = (heaps > 0).sum(1)
        extent = (means[:, 2:] - means[:, :2]).amin(1)
        kept = (weight[best] > self._threshold) & (count >= _WINDOWS) & (extent > 1)
        return Detections(means[kept].numpy(), 1 - np.exp(-weight[best][kept].numpy()))
