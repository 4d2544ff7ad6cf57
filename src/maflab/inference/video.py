"""Video files by FFmpeg's decoders (PyAV): frames at their own times, upright."""

import logging
from collections.abc import Iterator
from pathlib import Path

import av
import av.error
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from maflab.inference.errors import InputError
from maflab.inference.frames import Frame, Picture

log = logging.getLogger(__name__)

_SMALLEST_STEP = 1e-4  # seconds; times that stand still or go back are pushed on by this much
_THREADED = 1280 * 720  # pixels; smaller frames are decoded by one thread, as more of them cost a tenth more work


class VideoSource:
    """A video file.

    Frames have the times that the file gives them, so a variable rate stays one. A part that cannot be decoded is left
    out and said; where the file breaks off, the frames end.
    """

    stills = False
    live = False

    def __init__(self, path: Path) -> None:
        """
        Raises:
            InputError: it is no video, has no pictures, or a codec that this FFmpeg cannot decode.
        """
        self.name = str(path)
        self._path = path
        with self._opened() as container:
            stream = _pictures_of(container, path)
            self.rate = float(stream.average_rate or stream.guessed_rate or 0)
            self.length: int | None = stream.frames or _expected(container, self.rate)

    def __iter__(self) -> Iterator[Frame]:
        """Every frame that can be decoded.

        Raises:
            InputError: there is none.
        """
        count, start, last = 0, None, -_SMALLEST_STEP
        step = 1 / self.rate if self.rate else 1 / 30
        converter = VideoReformatter()  # one for all frames: to set it up costs more than to convert
        for decoded in self._decoded():
            stamp = decoded.time
            if start is None:
                start = stamp
            time = last + step if stamp is None or start is None else stamp - start
            last = max(time, last + _SMALLEST_STEP) if count else 0.0
            yield Frame(count, last, _upright(decoded, converter))
            count += 1
        if not count:
            raise InputError(f"{self.name} has no frame that can be decoded; it may be cut off or protected")
        if self.length and count < 0.98 * self.length - 2:
            log.warning("%s breaks off after %d of %d frames; what came before is used", self.name, count, self.length)

    def _decoded(self) -> Iterator[VideoFrame]:
        """The decoder's frames; damaged packets are counted and told at the end."""
        damaged = 0
        with self._opened() as container:
            stream = _pictures_of(container, self._path)
            stream.thread_type = "AUTO" if stream.width * stream.height > _THREADED else "NONE"
            packets = container.demux(stream)
            while True:
                try:
                    packet = next(packets, None)
                    if packet is None:
                        break
                    yield from packet.decode()
                except av.error.EOFError:
                    break
                except av.error.FFmpegError as error:
                    damaged += 1
                    if damaged == 1:
                        log.warning("%s: a part of it cannot be decoded (%s)", self.name, error.strerror)
                    if packet is None or damaged > 100:
                        break
        if damaged > 1:
            log.warning("%s: %d parts could not be decoded", self.name, damaged)

    def _opened(self) -> av.container.InputContainer:
        try:
            return av.open(str(self._path))
        except av.error.FFmpegError as error:
            raise InputError(
                f"{self._path} cannot be read as a video ({error.strerror}); it is damaged or of another kind"
            ) from error


def _pictures_of(container: av.container.InputContainer, path: Path) -> VideoStream:
    if not container.streams.video:
        raise InputError(
            f"{path} has no pictures in it, only {', '.join(s.type for s in container.streams) or 'nothing'}"
        )
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise InputError(f"{path} is encoded by a codec that cannot be decoded here; convert it, for instance to H.264")
    return stream


def _expected(container: av.container.InputContainer, rate: float) -> int | None:
    """Frames by the duration in the header, where it has one."""
    seconds = (container.duration or 0) / av.time_base
    return round(seconds * rate) or None


def _upright(frame: VideoFrame, converter: VideoReformatter) -> Picture:
    """A decoded frame as RGB, turned as its display matrix says: by `rotation` degrees against the clock."""
    image = converter.reformat(frame, format="rgb24").to_ndarray().astype(np.uint8, copy=False)
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image
