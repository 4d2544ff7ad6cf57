"""A recording drawn over its frames: decoding, drawing and encoding overlap."""

import itertools
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from maflab.body.model import BodyModel
from maflab.inference.ahead import ahead
from maflab.inference.drawing import FrameDrawer, Overlay
from maflab.inference.frames import Frame, Picture, Source, of_one_size
from maflab.inference.overlay_file import PictureWriter, VideoWriter
from maflab.inference.panels import scene_bounds
from maflab.inference.progress import Progress
from maflab.inference.recording import Recording
from maflab.inference.time_stamps import frame_rate

_DECODED_AHEAD = 4
_DRAWN_AHEAD = 8


def draw_recording(
    source: Source, recording: Recording, body: BodyModel, overlay: Overlay, folder: Path, progress: Progress
) -> Path:
    """Draw every frame of a recording.

    Args:
        source: what it was made from.
        recording: its tracks are settled.
        body: the recording's.
        overlay: settings.
        folder: `overlay.mp4` is written there, or `overlay/`, a picture a picture.
        progress: told of every frame.

    Returns:
        What was written.

    Raises:
        InputError: the source cannot be read any more.
        OSError: it cannot be written.
    """
    drawer = FrameDrawer(body, overlay, None if source.stills else scene_bounds(recording))
    writer = (
        PictureWriter(folder / "overlay")
        if source.stills
        else VideoWriter(folder / "overlay.mp4", frame_rate(recording.times))
    )

    def frames() -> Iterator[Frame]:
        return itertools.islice(of_one_size(iter(source), source.name), len(recording.times))

    def drawn() -> Iterator[tuple[Frame, Picture]]:
        with closing(ahead(frames(), _DECODED_AHEAD)) as decoded:
            for frame in decoded:
                yield frame, drawer.draw_frame(frame.image, recording, frame.index)

    with writer, closing(ahead(drawn(), _DRAWN_AHEAD)) as pictures:
        for frame, picture in pictures:
            writer.write(picture, frame.time, frame.name)
            progress.advance()
    return folder / ("overlay" if source.stills else "overlay.mp4")
