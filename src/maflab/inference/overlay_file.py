"""Drawn frames as a video or as a folder of pictures; each file is whole under its name or not there."""

from abc import ABC, abstractmethod
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from maflab.atomic import whole_file

# Fine enough for any frame's time (17 microseconds); the usual rates are whole numbers of it. MPEG-4 takes no finer.
_TICKS = 60_000
_RATE = 30.0
_BT709 = 1
# The first that is there. x264's constant quality, or MPEG-4's quantiser.
_ENCODERS = (
    ("libx264", {"crf": "20", "preset": "veryfast"}),
    ("libopenh264", {"rc_mode": "quality"}),
    ("mpeg4", {"qmin": "3", "qmax": "6"}),
)
_VIDEOS = (".mp4", ".mov", ".mkv", ".avi")
_PICTURES = (".png", ".jpg")


class OverlayWriter(ABC):
    """Takes drawn frames in the order of their times; a `with` block leaves no file of a failed attempt."""

    @abstractmethod
    def write(self, picture: NDArray[np.uint8], time: float, name: str = "") -> None:
        """One frame (H, W, 3) uint8 RGB, at `time` seconds, from the picture file called `name`, if from one."""

    @abstractmethod
    def close(self) -> None:
        """Finish; what was written stands under its final name from now on."""

    @abstractmethod
    def abort(self) -> None:
        """Give up: a file that is not finished disappears, and what was there before stays."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abort()


class _GivenUp(Exception):
    """Tells `whole_file` that its file is not wanted."""


class VideoWriter(OverlayWriter):
    """A video of frames at their own times, so that a variable frame rate stays one.

    H.264 where it can be encoded, else MPEG-4 part 2. The size is kept to the pixel: odd ones are stored without
    subsampling of colour (4:4:4), because H.264 has no odd 4:2:0. MPEG-4 has no 4:4:4, so there the last row or column
    is doubled.
    """

    def __init__(self, path: Path | str, rate: float = 0.0) -> None:
        """
        Args:
            path: ends in .mp4, .mov, .mkv or .avi; its folder is made.
            rate: usual frames a second, for players that ask; 0 if unknown. The frames' times count.

        Raises:
            ValueError: another suffix.
            OSError: the folder cannot be made.
        """
        self.path = Path(path)
        if self.path.suffix.lower() not in _VIDEOS:
            raise ValueError(f"{path}: an overlay video ends in one of {', '.join(_VIDEOS)}")
        self._rate = rate if rate > 0 else _RATE
        self._stack = ExitStack()
        self._partial = self._stack.enter_context(whole_file(self.path))
        self._container: av.container.OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._size = (0, 0)
        self._last = -1

    def write(self, picture: NDArray[np.uint8], time: float, name: str = "") -> None:
        """Add a frame.

        Raises:
            ValueError: its size is not that of the first one.
            OSError: the file cannot be written.
        """
        size = (picture.shape[1], picture.shape[0])
        if self._stream is None:
            self._open(size)
        assert self._stream is not None
        assert self._container is not None
        if size != self._size:
            raise ValueError(f"{self.path} has frames of {self._size}, so one of {size} cannot be added")
        width, height = self._stream.width, self._stream.height
        if size != (width, height):
            picture = np.pad(picture, ((0, height - size[1]), (0, width - size[0]), (0, 0)), "edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame = frame.reformat(format=self._stream.pix_fmt, dst_colorspace="ITU709", dst_color_range="MPEG")
        # Two frames at one time would be refused; players show the later a moment after.
        self._last = max(round(time * _TICKS), self._last + 1)
        frame.pts, frame.time_base = self._last, Fraction(1, _TICKS)
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Finish the file; without any frame there is none."""
        if self._container is None or self._stream is None:
            self.abort()
            return
        container, self._container = self._container, None
        with self._stack:  # an error, such as a full disk, leaves no file
            container.mux(self._stream.encode(None))
            container.close()

    def abort(self) -> None:
        """Leave nothing behind."""
        container, self._container = self._container, None
        with suppress(_GivenUp), self._stack:
            if container is not None:
                container.close()
            raise _GivenUp

    def _open(self, size: tuple[int, int]) -> None:
        self._container = av.open(str(self._partial), "w")
        name, options = next(pair for pair in _ENCODERS if pair[0] in av.codecs_available)
        stream = self._container.add_stream(name, rate=Fraction(self._rate).limit_denominator(1001), options=options)
        assert isinstance(stream, VideoStream)
        odd = any(side % 2 for side in size)
        whole = name == "libx264" and odd
        stream.pix_fmt = "yuv444p" if whole else "yuv420p"
        stream.width, stream.height = size if whole else (size[0] + size[0] % 2, size[1] + size[1] % 2)
        stream.codec_context.time_base = Fraction(1, _TICKS)
        stream.codec_context.colorspace = _BT709
        stream.codec_context.color_range = 1
        stream.codec_context.color_primaries = _BT709
        stream.codec_context.color_trc = _BT709
        self._stream, self._size = stream, size


class PictureWriter(OverlayWriter):
    """A folder of pictures, one a frame."""

    def __init__(self, folder: Path | str, suffix: str = ".jpg") -> None:
        """
        Args:
            folder: made if it is not there.
            suffix: .png or .jpg.

        Raises:
            ValueError: another suffix.
        """
        if suffix not in _PICTURES:
            raise ValueError(f"overlay pictures end in {' or '.join(_PICTURES)}, not in {suffix!r}")
        self.folder = Path(folder)
        self._suffix = suffix
        self._count = 0

    def write(self, picture: NDArray[np.uint8], time: float, name: str = "") -> None:
        """Write a picture under its name with our suffix, or under its number.

        Raises:
            OSError: it cannot be written.
        """
        path = self.folder / f"{Path(name).stem or f'{self._count:06d}'}{self._suffix}"
        self._count += 1
        _, encoded = cv2.imencode(self._suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        with whole_file(path) as partial:
            partial.write_bytes(encoded.tobytes())

    def close(self) -> None:
        """Nothing is left to do: every picture is whole."""

    def abort(self) -> None:
        """The pictures that were written stay."""
