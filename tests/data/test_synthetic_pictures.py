"""Pictures and labels of the synthetic people belong together."""

import cv2
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from maflab.body.arrays import BodyArrays
from maflab.body.joints import SPIN49
from maflab.data.synthetic import scenes
from maflab.data.synthetic.chart import Chart
from maflab.data.synthetic.figure import draw_figure, sample_lights
from maflab.data.synthetic.occluders import occlude
from maflab.data.synthetic.paint import BOTTOM, HAIR, SHOE, TOP, colours, materials
from maflab.data.synthetic.people import sample_outfit
from maflab.data.synthetic.placement import place
from maflab.data.synthetic.recipe import Recipe
from maflab.data.synthetic.sample import Studio

SIZE = 96


@pytest.fixture(scope="module")
def studio(tiny_arrays: BodyArrays) -> Studio:
    return Studio(tiny_arrays, SIZE)


@pytest.fixture(scope="module")
def records(studio: Studio) -> list[dict]:
    return [studio.record(1, "train", index) for index in range(12)]


def body_points(studio: Studio, record: dict) -> np.ndarray:
    """(49, 3) of the stored pose and betas."""
    rotations = Rotation.from_rotvec(record["pose"].reshape(24, 3).astype(np.float64)).as_matrix()
    output = studio.body(torch.from_numpy(rotations).float()[None], torch.from_numpy(record["betas"])[None])
    return studio.body.keypoints(output)[0].numpy().astype(np.float64)


def test_stored_pose_shape_and_camera_give_the_stored_points(studio: Studio, records: list[dict]) -> None:
    for record in records:
        points = body_points(studio, record)
        scale, x, y = record["camera"].astype(np.float64)
        # The camera of the design's section 4, written out: f = 5000 px on a crop of 224 px that is the box.
        seen = points + [x, y, 2 * 5000 / (224 * scale)]
        flat = record["center"] + record["size"] / 2 * (5000 * seen[:, :2] / seen[:, 2:] / 112)
        np.testing.assert_allclose(record["keypoints_2d"][:, :2], flat, atol=0.05)
        np.testing.assert_allclose(record["joints_3d"][:, :3], points[25:], atol=1e-5)
        assert (record["joints_3d"][:, 3] == 1).all()


def test_confidence_says_whether_a_point_is_in_the_picture(studio: Studio) -> None:
    cut = Studio(studio.body.arrays, SIZE, Recipe(truncated=1.0))
    outside = 0
    for index in range(20):
        x, y, confidence = cut.record(2, "train", index)["keypoints_2d"].T
        inside = (x > -0.5) & (y > -0.5) & (x < SIZE - 0.5) & (y < SIZE - 0.5)
        np.testing.assert_array_equal(confidence, inside.astype(np.float32))
        assert inside.sum() >= 8  # something of the person is left
        outside += int((~inside).sum())
    assert outside > 100


def test_whole_people_fit_their_box_and_the_box_the_recipe(records: list[dict]) -> None:
    for record in records:
        picture = cv2.imdecode(np.frombuffer(record["jpeg"], np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (SIZE, SIZE, 3)
        if (record["keypoints_2d"][:, 2] == 1).all():
            away = np.abs(record["keypoints_2d"][:, :2] - record["center"]).max()
            assert 0.3 * record["size"] < away < 0.52 * record["size"]
            assert 0.7 * SIZE < record["size"] < 0.86 * SIZE
            assert np.abs(record["center"] - SIZE / 2).max() + record["size"] / 2 < 0.54 * SIZE


def test_the_mask_is_where_the_vertices_project(studio: Studio) -> None:
    """Pixels and labels share one camera: the silhouette ends where the outermost vertices are."""
    rng = np.random.default_rng(4)
    outfit = sample_outfit(rng)._replace(thickness=np.zeros(5, np.float32))
    rotations = studio.body.mean_rotations[None]
    vertices = studio.body(rotations, torch.zeros(1, 10)).vertices
    placement = place(rng, vertices[0].numpy(), SIZE, Recipe(truncated=0.0))
    chart, lights = Chart(studio.body.arrays), sample_lights(rng)
    figure = draw_figure(studio.caster, studio.body.faces, chart, vertices, placement, outfit, lights, SIZE)
    scale, x, y = placement.camera
    seen = vertices[0].numpy() + [x, y, 2 * 5000 / (224 * scale)]
    flat = placement.centre + placement.side / 2 * (5000 * seen[:, :2] / seen[:, 2:] / 112)
    rows, columns = np.flatnonzero(figure.mask.any(1)), np.flatnonzero(figure.mask.any(0))
    ends = [columns[0] + figure.left, rows[0] + figure.top, columns[-1] + figure.left, rows[-1] + figure.top]
    # A pixel's ray may pass beside a pointed finger tip, hence more than a pixel.
    np.testing.assert_allclose(ends, [*flat.min(0), *flat.max(0)], atol=1.6)
    assert figure.colour[figure.mask].min() >= 0
    assert not figure.colour[~figure.mask].any()


def test_left_and_right_are_the_persons_own(studio: Studio) -> None:
    """Somebody who faces the camera has the left hand at the picture's right."""
    body = studio.body
    output = body(body.mean_rotations[None], torch.zeros(1, 10))
    points = body.keypoints(output)[0].numpy()
    assert points[SPIN49.index("LWrist"), 0] > points[SPIN49.index("RWrist"), 0] + 0.2


def test_a_picture_depends_on_seed_split_and_index_only(studio: Studio, records: list[dict]) -> None:
    fresh = Studio(studio.body.arrays, SIZE)
    again = fresh.record(1, "train", 7)
    assert again["jpeg"] == records[7]["jpeg"]
    for field in ("pose", "betas", "camera", "keypoints_2d", "joints_3d"):
        np.testing.assert_array_equal(again[field], records[7][field])
    others = [fresh.record(2, "train", 7), fresh.record(1, "val", 7), fresh.record(1, "train", 8)]
    assert len({again["jpeg"], *(other["jpeg"] for other in others)}) == 4


def test_pictures_are_neither_flat_nor_alike(records: list[dict]) -> None:
    pictures = [cv2.imdecode(np.frombuffer(record["jpeg"], np.uint8), cv2.IMREAD_COLOR) for record in records]
    assert min(picture.std() for picture in pictures) > 8
    assert np.std([picture.mean() for picture in pictures]) > 8


@pytest.mark.parametrize("painter", [painter for painter, _ in scenes._PAINTERS])
@pytest.mark.parametrize("size", [33, 128])
def test_every_background_fills_its_picture(painter: scenes.Painter, size: int) -> None:
    rng = np.random.default_rng(0)
    for ground in (0.0, 0.8 * size, float(size)):
        picture = painter(rng, size, ground)
        assert picture.shape == (size, size, 3)
        assert np.isfinite(picture).all()


def test_occluders_leave_most_of_the_person(studio: Studio) -> None:
    person = np.zeros((SIZE, SIZE), np.uint8)
    cv2.ellipse(person, (48, 48), (18, 40), 0, 0, 360, 255, -1)
    for seed in range(40):
        picture = np.full((SIZE, SIZE, 3), 7, np.uint8)
        occlude(np.random.default_rng(seed), picture, person, 3)
        touched = (np.abs(picture.astype(int) - 7) > 0).any(2) & (person > 0)
        assert touched.sum() <= 0.5 * (person > 0).sum()


def test_clothes_cover_what_they_are_for(tiny_arrays: BodyArrays) -> None:
    chart = Chart(tiny_arrays)
    outfit = sample_outfit(np.random.default_rng(1))._replace(sleeve=1.0, leg_end=1.0, hem=0.0, shoe_end=1.97)
    rows = chart.rows(chart.table)
    material = materials(outfit, chart, rows)
    assert (material[(rows.arm > 0) & (rows.arm < 1)] == TOP).all()
    assert not (material[rows.arm > 1.01] == TOP).any()
    assert (material[(rows.leg > 0.1) & (rows.leg < 0.9) & (rows.foot < 0.1)] == BOTTOM).all()
    assert (material[rows.leg > 2.1] == SHOE).all()
    assert not (material[tiny_arrays.landmarks[:3]] == HAIR).any()  # nose and eyes
    colour = colours(outfit, chart, rows, material)
    assert colour.shape == (len(material), 3)
    assert np.isfinite(colour).all()


def test_hair_is_on_top_and_behind_not_in_the_face(tiny_arrays: BodyArrays) -> None:
    chart = Chart(tiny_arrays)
    rows = chart.rows(chart.table)
    for length in (0.0, 1.0, 2.0):
        outfit = sample_outfit(np.random.default_rng(2))._replace(hair_line=0.3, hair_length=length)
        hair = materials(outfit, chart, rows) == HAIR
        assert hair[rows.skull[:, 1] > 1.0].all()
        assert not hair[(rows.skull[:, 2] > 0.6) & (rows.skull[:, 1] < 0.4)].any()


def test_a_tiny_picture_is_refused(tiny_arrays: BodyArrays) -> None:
    with pytest.raises(ValueError, match="too small"):
        Studio(tiny_arrays, 8)
