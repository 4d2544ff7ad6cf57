"""The command: from a clip to files, broken off and gone on with, and what it says when it cannot."""

import functools
import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from omegaconf import DictConfig

from maflab.body.model import BodyModel
from maflab.data.synthetic.clip import Clip, film
from maflab.export import FORMATS
from maflab.inference.errors import DetectorError, InputError
from maflab.inference.example_clip import write_clip
from maflab.inference.overlay_file import VideoWriter
from maflab.inference.recording import Recording
from maflab.inference.result_file import load_recording
from maflab.training.demo import demo
from maflab.training.errors import CheckpointError, OverrideError

from .conftest import CONF, Trained, compose_config

FRAMES, CUT = 24, 16
EXPORTS = [name for name in FORMATS if name != "usd" or importlib.util.find_spec("pxr")]


@pytest.fixture(scope="module")
def filmed(tiny_body: BodyModel, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Recording]:
    """Two people, a cut, and boxes of everybody in a file."""
    folder = tmp_path_factory.mktemp("clip")
    clip = Clip(FRAMES, people=2, size=(160, 90), cut=CUT)
    truth = write_clip(folder / "clip.mp4", tiny_body, clip)
    lines = []
    for frame, shot in enumerate(film(tiny_body, clip)):
        for left, top, right, bottom in shot.boxes + 1.5:  # MOT counts pixels from 1, and a box begins at a border
            lines.append(f"{frame + 1},-1,{left:.2f},{top:.2f},{right - left:.2f},{bottom - top:.2f},0.9")
    (folder / "boxes.txt").write_text("\n".join(lines))
    return folder / "clip.mp4", truth


@pytest.fixture(scope="module")
def composed(trained: Trained, filmed: tuple[Path, Recording], data_folder: Path):
    """Composes a demo of that clip with a model of a second's training; the output folder comes first."""
    checkpoint = trained.folder / "checkpoints" / "last.ckpt"

    def compose(folder: Path, *overrides: str) -> DictConfig:
        given = {override.split("=")[0] for override in overrides}
        usual = [f"checkpoint={checkpoint}", f"input={filmed[0]}", "detector=file"]
        if "detector" not in given:
            usual.append(f"detector.path={filmed[0].parent / 'boxes.txt'}")
        usual += ["overlay=none", f"paths.data={data_folder}", f"paths.output={folder}"]
        return compose_config("demo", *(o for o in usual if o.split("=")[0] not in given), *overrides)

    return compose


def same(one: Recording, other: Recording, tolerance: float = 2e-3) -> None:
    """Batches of other sizes differ in rounding alone."""
    np.testing.assert_array_equal(one.times, other.times)
    np.testing.assert_array_equal(one.shots, other.shots)
    for track, twin in zip(one.tracks, other.tracks, strict=True):
        assert track.identity == twin.identity
        np.testing.assert_array_equal(track.frames, twin.frames)
        np.testing.assert_allclose(track.crops, twin.crops, atol=1e-3)
        np.testing.assert_allclose(track.rotations, twin.rotations, atol=tolerance)


@pytest.fixture(scope="module")
def whole(composed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result of the whole clip, with an overlay and files."""
    folder = tmp_path_factory.mktemp("whole")
    demo(composed(folder, "overlay=default", f"export=[{','.join(EXPORTS)}]", "iterations=true"))
    return folder


def test_everybody_is_followed_to_where_they_are(whole: Path, filmed: tuple[Path, Recording]) -> None:
    truth, result = filmed[1], load_recording(whole / "result.npz")
    assert result.size == truth.size
    np.testing.assert_allclose(result.times, truth.times, atol=1e-4)
    np.testing.assert_array_equal(result.shots, truth.shots)
    assert len(result.tracks) == len(truth.tracks)
    for real in truth.tracks:
        found = [track for track in result.tracks if np.array_equal(track.frames, real.frames)]
        nearest = min(found, key=lambda track: np.abs(track.crops[:, :2] - real.crops[:, :2]).max())
        np.testing.assert_allclose(nearest.crops[:, :2], real.crops[:, :2], atol=0.02)
        np.testing.assert_allclose(nearest.crops[:, 2], 1.15 * real.crops[:, 2], rtol=1e-3)
    assert all(track.refinement is not None for track in result.tracks)


def test_files_for_other_programs_are_there(whole: Path, filmed: tuple[Path, Recording]) -> None:
    """A filmed clip runs through each export; what is in them is held against other readers in tests/export."""
    result = load_recording(whole / "result.npz")
    same(load_recording(whole / "result.json"), result, 1e-6)
    assert (whole / "result.glb").read_bytes()[:4] == b"glTF"
    assert len(list((whole / "bvh").glob("*.bvh"))) == len(result.tracks) == 4
    for kind in ("obj", "ply"):
        assert len(list((whole / kind).glob(f"person_*/*.{kind}"))) == sum(len(track.frames) for track in result.tracks)
    assert (whole / "result.usdc").is_file() == ("usd" in EXPORTS)
    capture = cv2.VideoCapture(str(whole / "overlay.mp4"))
    assert int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) == FRAMES
    assert not [path for path in whole.rglob("*") if "partial" in path.name]
    assert (whole / load_recording(whole / "result.npz").source).samefile(filmed[0])


def test_a_run_that_stopped_goes_on_to_the_same_result(composed, tmp_path: Path, caplog, whole: Path) -> None:
    """The first attempt fails in the middle, as if the disk was full; its frames are kept and not made again."""
    from maflab.inference import running

    frames: list[int] = []
    original = running._estimated

    def noted(estimator, batch):  # type: ignore[no-untyped-def]
        frames.extend(frame.index for frame in batch)
        return original(estimator, batch)

    def failing(estimator, batch):  # type: ignore[no-untyped-def]
        if batch[0].index == 8:
            raise OSError(28, "No space left on device")
        return original(estimator, batch)

    settings = ("reading.batch=8", "iterations=true")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "_estimated", failing)
        with pytest.raises(OSError, match="No space"):
            demo(composed(tmp_path, *settings))
    assert "8 frames are finished and kept" in caplog.text
    assert load_recording(tmp_path / "result.npz").times.shape == (8,)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "_estimated", noted)
        result = demo(composed(tmp_path, *settings, "resume=true")).recording
    assert sorted(frames) == list(range(8, FRAMES))
    same(result, load_recording(whole / "result.npz"))
    with pytest.raises(InputError, match=r"margin was 1.15 and is 1.3"):
        demo(composed(tmp_path, *settings, "resume=true", "reading.margin=1.3"))


def test_a_signal_leaves_what_is_finished(composed, tmp_path: Path, tiny_body: BodyModel) -> None:
    from maflab.inference import running

    original = running._estimated

    def interrupted(estimator, batch):  # type: ignore[no-untyped-def]
        if batch[0].index >= 8:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(estimator, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "_estimated", interrupted)
        with pytest.raises(SystemExit) as ended:
            demo(composed(tmp_path, "reading.batch=8"))
    assert ended.value.code == 143
    assert len(load_recording(tmp_path / "result.npz").times) >= 4


def test_a_limit_and_one_picture(composed, tmp_path: Path, filmed: tuple[Path, Recording]) -> None:
    result = demo(composed(tmp_path / "short", "reading.limit=5")).recording
    assert len(result.times) == 5
    cv2.imwrite(str(tmp_path / "one.png"), np.full((60, 40, 3), 90, np.uint8))
    one = demo(composed(tmp_path / "one", f"input={tmp_path / 'one.png'}", "detector=whole", "overlay=default"))
    assert [track.frames.tolist() for track in one.recording.tracks] == [[0]]
    np.testing.assert_allclose(one.recording.tracks[0].crops, [[19.5, 29.5, 60 * 1.15]])
    assert (tmp_path / "one" / "overlay" / "one.jpg").is_file()


def test_nobody_in_any_frame_is_said_with_what_to_try(composed, tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "empty.mp4", 30) as writer:
        for frame in range(3):
            writer.write(np.full((120, 160, 3), 128, np.uint8), frame / 30)
    with pytest.raises(DetectorError, match=r"Nobody was found in any of the 3 frames: .*detector=torchvision"):
        demo(composed(tmp_path / "out", f"input={tmp_path / 'empty.mp4'}", "detector=opencv"))


def test_what_cannot_be_done_is_said_before_the_work(composed, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"output=.*file/out cannot be written \(Not a directory\)"):
        demo(composed(tmp_path / "file" / "out"))
    with pytest.raises(OverrideError, match="resume=true finds no estimates"):
        demo(composed(tmp_path / "new" / "out", "resume=true"))
    with pytest.raises(OverrideError, match="precision=8: choose auto"):
        demo(composed(tmp_path / "out", "precision=8"))
    with pytest.raises(CheckpointError, match=r"There is no checkpoint .*none.ckpt"):
        demo(composed(tmp_path / "out", "checkpoint=none.ckpt"))
    (tmp_path / "late.txt").write_text("99,1,5,5,20,50,1\n")
    with pytest.raises(DetectorError, match="has boxes of frame 98"):
        demo(composed(tmp_path / "out", f"detector.path={tmp_path / 'late.txt'}"))
    assert not list(tmp_path.rglob("*.npz"))


@pytest.mark.slow
def test_ctrl_c_of_the_real_command(
    composed, tmp_path: Path, filmed: tuple[Path, Recording], data_folder: Path
) -> None:
    """The process gets SIGINT after its first shard; it ends by itself, and the result is readable."""
    config = composed(tmp_path)
    command = [sys.executable, str(CONF.parent / "demo.py"), f"checkpoint={config.checkpoint}", f"input={config.input}"]
    command += [
        "detector=file",
        f"detector.path={config.detector.path}",
        f"output={tmp_path / 'out'}",
        "reading.batch=1",
    ]
    command += [f"paths.data={data_folder}", "overlay=none"]
    start = functools.partial(subprocess.Popen, command, stderr=subprocess.PIPE, text=True)
    with start() as process:
        deadline = time.monotonic() + 200
        while not list(tmp_path.glob("out/estimates/0*.npz")) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode in (0, 130), said
    assert len(load_recording(tmp_path / "out" / "result.npz").times) >= 1
