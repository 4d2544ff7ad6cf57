"""Where one shot ends and the next begins, by PySceneDetect's detectors, frame by frame."""

from collections import deque
from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from scenedetect import FrameTimecode
from scenedetect.detectors import AdaptiveDetector, ContentDetector

from maflab.inference.frames import Frame

_WIDTH = 80  # pixels; every so manyth tells a cut
_WINDOW = 2
# How much a change stands out from the mean of its neighbours'. A flash of one frame is two equal changes: at most 4.
_OUTSTANDING = 4.5
_RATE = 30.0  # frames are counted, so that any rate will do


def shots(frames: Iterable[Frame], stills: bool, threshold: float) -> Iterator[tuple[Frame, bool]]:
    """The frames, each with whether a shot begins with it. The first one's does.

    In a video a cut is a change that stands out from those of the two frames before and after, so that a pan or a flash
    is none; frames come that much later. Pictures that need not belong together are compared one by one.

    Args:
        frames: in order.
        stills: pictures of a folder.
        threshold: mean change of a pixel's hue, saturation and brightness, of 255, that is a cut; 0: never.
    """
    if not threshold > 0:
        yield from ((frame, frame.index == 0) for frame in frames)
        return
    window = 0 if stills else _WINDOW
    detector = (
        ContentDetector(threshold, min_scene_len=0)
        if stills
        else AdaptiveDetector(_OUTSTANDING, min_scene_len=0, window_width=_WINDOW, min_content_val=threshold)
    )
    waiting: deque[Frame] = deque()
    cuts = {0}
    for frame in frames:
        waiting.append(frame)
        step = max(1, frame.image.shape[1] // _WIDTH)
        small = cv2.cvtColor(np.ascontiguousarray(frame.image[::step, ::step]), cv2.COLOR_RGB2BGR)
        found = detector.process_frame(FrameTimecode(frame.index, _RATE), small.astype(np.uint8, copy=False))
        cuts.update(cut.frame_num for cut in found)
        if len(waiting) > window:
            yield waiting[0], waiting.popleft().index in cuts
    for frame in waiting:
        yield frame, frame.index in cuts
