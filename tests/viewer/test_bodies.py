"""The page gets the people that the recording holds: exact vertices, and iterations where their crops saw them."""

import json

import numpy as np
import pytest
import torch

from maflab.body.model import BodyModel
from maflab.geometry.cameras import project
from maflab.viewer.bodies import BLOCK, Bodies, display_axes, place_of
from maflab.viewer.manifest import manifest
from maflab.viewer.media import Media
from maflab.viewer.result import Result

from .clips import FOCAL, FRAMES, make_recording


@pytest.fixture(scope="module")
def bodies(tiny_body: BodyModel) -> Bodies:
    return Bodies(make_recording("clip.mp4"), tiny_body)


def unpacked(content: bytes, vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and joints in the camera frame, as the page reads them."""
    frames = len(content) // (76 * 4 + vertices * 6)
    head = np.frombuffer(content, "<f4", frames * 76).reshape(frames, 76)
    steps = np.frombuffer(content, "<i2", offset=frames * 304).reshape(frames, vertices, 3)
    translation = head[:, None, :3]
    return steps * head[:, 3, None, None] + translation, head[:, 4:].reshape(frames, 24, 3) + translation


def test_blocks_hold_the_track(bodies: Bodies, tiny_body: BodyModel) -> None:
    track = bodies.recording.tracks[0]
    last = bodies.stages(0) - 1
    assert bodies.blocks(0) == 3
    blocks = [unpacked(bodies.block(0, last, number), tiny_body.num_vertices) for number in range(3)]
    assert [len(vertices) for vertices, _ in blocks] == [BLOCK, BLOCK, FRAMES - 2 * BLOCK]
    output = tiny_body(torch.from_numpy(track.rotations), torch.from_numpy(track.betas))
    for number, expected in enumerate((output.vertices, output.joints)):
        given = np.concatenate([block[number] for block in blocks])
        np.testing.assert_allclose(given, expected.numpy() + track.translation[:, None], atol=1e-4)


def test_iterations_are_seen_where_their_crops_saw_them(bodies: Bodies, tiny_body: BodyModel) -> None:
    track, refinement = bodies.recording.tracks[0], bodies.recording.tracks[0].refinement
    assert refinement is not None
    assert bodies.stages(0) == 3 + 1 + 1
    for stage in range(4):
        _, joints = unpacked(bodies.block(0, stage, 0), tiny_body.num_vertices)
        rotations, betas, camera = (torch.from_numpy(values[:BLOCK, stage]) for values in refinement)
        own = project(tiny_body(rotations, betas).joints, camera).numpy()
        seen = track.crops[:BLOCK, None, :2] + own * track.crops[:BLOCK, None, 2:] / 2
        pixels = FOCAL * joints[..., :2] / joints[..., 2:] + bodies.recording.centre[:BLOCK, None]
        assert np.linalg.norm(pixels - seen, axis=-1).mean() < 1  # of 160


def test_what_is_not_there_is_said(bodies: Bodies) -> None:
    for wrong in ((2, 0, 0), (0, 5, 0), (0, 0, 3), (1, 1, 0)):
        with pytest.raises(IndexError):
            bodies.block(*wrong)


def test_manifest_is_json_and_says_who_is_where(bodies: Bodies) -> None:
    told = json.loads(json.dumps(manifest(Result(bodies.recording, Media("none", [], "gone"), {}), bodies)))
    assert [track["runs"] for track in told["tracks"]] == [[[0, 40]], [[10, 10], [24, 6]]]
    assert told["tracks"][1]["filled"] == [[15, 1]]
    assert [track["stages"] for track in told["tracks"]] == [5, 1]
    assert len({track["colour"] for track in told["tracks"]}) == 2
    assert told["media"] == {"kind": "none", "note": "gone"}
    assert told["axes"] == [[1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0]]


def test_the_floor_is_under_their_feet(bodies: Bodies, tiny_body: BodyModel) -> None:
    place = place_of(bodies)
    track = bodies.recording.tracks[0]
    lowest = tiny_body(torch.from_numpy(track.rotations), torch.from_numpy(track.betas)).vertices[..., 1].amax()
    assert place.floor == pytest.approx(-(lowest.item() + 0.2), abs=1e-3)
    assert place.floor < place.centre[1] < place.floor + 2
    assert place.centre[2] == pytest.approx(-4, abs=0.3)


def test_in_the_world_of_a_camera_path(bodies: Bodies, tiny_body: BodyModel) -> None:
    # A camera that moves to the left as fast as the person walks to the right of it: they stand still.
    path = np.tile(np.diag([1.0, -1.0, -1.0, 1.0]), (FRAMES, 1, 1))
    path[:, :3, 3] = [[-0.03 * frame, 1.5, 2.0] for frame in range(FRAMES)]
    moving = bodies.recording._replace(camera_to_world=path, tracks=bodies.recording.tracks[:1])
    track = moving.tracks[0]
    axes = display_axes(moving, track.frames)
    places = (axes @ np.c_[track.translation, np.ones(FRAMES)][..., None])[:, :3, 0]
    assert np.ptp(places, axis=0).max() < 1e-6
    assert place_of(Bodies(moving, tiny_body)).floor == pytest.approx(place_of(bodies).floor + 1.5, abs=1e-3)


def test_a_recording_of_nobody(tiny_body: BodyModel) -> None:
    empty = Bodies(make_recording("clip.mp4")._replace(tracks=[]), tiny_body)
    assert manifest(Result(empty.recording, Media("none", []), {}), empty)["tracks"] == []


def test_a_long_clip_is_no_heavier_to_serve(bodies: Bodies) -> None:
    # A block costs the same wherever it lies, and nothing is kept of it.
    before = dict(vars(bodies))
    assert len(bodies.block(0, 4, 0)) == len(bodies.block(0, 4, 1)) == BLOCK * (304 + 6 * bodies.body.num_vertices)
    assert vars(bodies) == before


def test_big_coordinates_survive(tiny_body: BodyModel) -> None:
    recording = make_recording("clip.mp4")
    wild = recording.tracks[1]._replace(
        betas=np.full((16, 10), 8, np.float32), translation=np.full((16, 3), 50, np.float32)
    )
    vertices, _ = unpacked(Bodies(recording._replace(tracks=[wild]), tiny_body).block(0, 0, 0), tiny_body.num_vertices)
    own = tiny_body(torch.from_numpy(wild.rotations), torch.from_numpy(wild.betas)).vertices.numpy() + 50
    assert np.abs(vertices - own).max() < 1e-4 * np.abs(own - 50).max() + 1e-5
