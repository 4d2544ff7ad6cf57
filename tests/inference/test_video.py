"""Videos: their frames' times, how they are turned, and the ways in which they are broken."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from maflab.inference.errors import InputError
from maflab.inference.frames import of_one_size, open_source

TIMES = (0.0, 0.04, 0.12, 0.16, 0.4)


def scene(number: int, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    """Dark, with a bright upper left corner and the frame's number as a level of the rest."""
    image = np.full((size[1], size[0], 3), 20 * (number % 8), np.uint8)
    image[: size[1] // 4, : size[0] // 4] = 250
    return image


def encode(
    path: Path, times: tuple[float, ...] = TIMES, size: tuple[int, int] = (64, 48), codec: str = "mpeg4"
) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(scene(number, size), format="rgb24")
            frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_frames_have_the_times_that_the_file_gives_them(tmp_path: Path) -> None:
    source = open_source(str(encode(tmp_path / "a.mkv")))
    frames = list(source)
    assert [frame.index for frame in frames] == list(range(len(TIMES)))
    assert [frame.time for frame in frames] == pytest.approx(TIMES, abs=1e-3)
    assert [float(frame.image[40, 50].mean()) for frame in frames] == pytest.approx([0, 20, 40, 60, 80], abs=4)
    assert [frame.time for frame in source] == [frame.time for frame in frames], "it can be gone through again"


# The matrix of a track header (ISO 14496-12, 8.3.2): a, b, u, c, d, v, x, y, w in 16.16 (u, v, w in 2.30). A picture's
# point (p, q) is shown at (a p + c q, b p + d q): with b = 1 and c = -1 it is turned a quarter with the clock.
@pytest.mark.parametrize(
    ("matrix", "corner"),
    [((1, 0, 0, 1), (0, 0)), ((0, 1, -1, 0), (0, 1)), ((-1, 0, 0, -1), (1, 1)), ((0, -1, 1, 0), (1, 0))],
)
def test_rotation_in_the_header_is_undone(matrix: tuple[int, ...], corner: tuple[int, int], tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", times=(0.0, 0.04))
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (value << 16 for value in matrix)
    data[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    image = next(iter(open_source(str(path)))).image
    height, width = image.shape[:2]
    assert (width, height) == ((64, 48) if matrix[0] else (48, 64))
    row, column = (height - 4 if corner[0] else 3), (width - 4 if corner[1] else 3)
    assert image[row, column].mean() > 200
    assert image.mean() < 60


def test_a_video_that_breaks_off_gives_what_it_has(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = encode(tmp_path / "a.avi", times=tuple(n / 25 for n in range(100)), codec="mjpeg")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames = list(open_source(str(path)))
    assert 20 < len(frames) < 95
    assert "a.avi breaks off after" in caplog.text


def test_a_damaged_part_is_left_out_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = encode(tmp_path / "a.mkv", times=tuple(n / 25 for n in range(60)))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + len(data) // 10] = bytes(len(data) // 10)
    path.write_bytes(data)
    frames = list(open_source(str(path)))
    assert 20 < len(frames) < 60
    assert np.diff([frame.time for frame in frames]).min() > 0
    assert "a.mkv" in caplog.text


def test_what_is_no_video_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video at all" * 50)
    with pytest.raises(InputError, match=r"a.mp4 cannot be read as a video"):
        open_source(str(tmp_path / "a.mp4"))
    cut = encode(tmp_path / "b.mp4")
    cut.write_bytes(cut.read_bytes()[:600])  # what lists the frames stands at the end
    with pytest.raises(InputError, match=r"b.mp4"):
        list(open_source(str(cut)))


def test_sound_alone_is_named(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(InputError, match=r"no pictures in it, only audio"):
        open_source(str(tmp_path / "a.wav"))


def test_an_unknown_codec_is_named(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.avi", codec="mjpeg")
    path.write_bytes(path.read_bytes().replace(b"MJPG", b"QQQQ"))
    with pytest.raises(InputError, match=r"a.avi is encoded by a codec that cannot be decoded"):
        open_source(str(path))


def test_a_video_that_changes_size_is_fitted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    parts = [
        encode(tmp_path / f"{n}.h264", size=size, codec="libx264").read_bytes()
        for n, size in enumerate([(64, 48), (48, 64)])
    ]
    (tmp_path / "both.h264").write_bytes(b"".join(parts))
    source = open_source(str(tmp_path / "both.h264"))
    frames = list(of_one_size(iter(source), source.name))
    assert {frame.image.shape for frame in frames} == {(48, 64, 3)}
    assert len(frames) > len(TIMES)
    assert "fitted into the first's" in caplog.text
