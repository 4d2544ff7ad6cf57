"""Focal lengths from every source, paths from every form of file, COLMAP's conventions, and wrong files."""

import json
import logging
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.transform import Rotation, Slerp

from maflab.inference.camera import Camera, view_of
from maflab.inference.camera_path import CameraError
from maflab.inference.exif import exif_focal

SIZE = (640, 360)


def poses(count: int) -> np.ndarray:
    """A handheld camera: camera to world (M, 4, 4)."""
    generator = np.random.default_rng(0)
    matrices = np.tile(np.eye(4), (count, 1, 1))
    matrices[:, :3, :3] = Rotation.from_rotvec(np.cumsum(0.1 * generator.normal(size=(count, 3)), 0)).as_matrix()
    matrices[:, :3, 3] = np.cumsum(0.1 * generator.normal(size=(count, 3)), 0)
    return matrices


def write_json(path: Path, matrices: np.ndarray, frames: list[int], **more: object) -> Path:
    entries = [
        {"frame": frame, "camera_to_world": matrix.tolist()} for frame, matrix in zip(frames, matrices, strict=True)
    ]
    path.write_text(json.dumps({**more, "frames": entries}))
    return path


def write_colmap(folder: Path, matrices: np.ndarray, camera: str = "1 PINHOLE 640 360 500 500 320.5 180.5") -> Path:
    """A model as COLMAP writes it, from SciPy's quaternions; every second picture has no points."""
    folder.mkdir(exist_ok=True)
    (folder / "cameras.txt").write_text(f"# Camera list\n{camera}\n")
    lines = ["# Image list with two lines of data per image:"]
    for number, matrix in enumerate(matrices, 1):
        inverse = np.linalg.inv(matrix)
        x, y, z, w = Rotation.from_matrix(inverse[:3, :3]).as_quat()
        tx, ty, tz = inverse[:3, 3]
        lines += [f"{number} {w} {x} {y} {z} {tx} {ty} {tz} 1 frames/take 2/frame_{number:05d}.png"]
        lines += ["12.5 3.5 -1 20.25 8.0 7" if number % 2 else ""]
    (folder / "images.txt").write_text("\n".join(lines) + "\n")
    return folder


def test_focal_lengths_by_formula() -> None:
    def told(camera: Camera, exif: tuple = ()) -> tuple[float, str]:
        view = view_of(camera, SIZE, 3, exif)
        assert view.camera_to_world is None
        np.testing.assert_array_equal(view.centre, [[319.5, 179.5]] * 3)
        return float(view.focal[1]), view.focal_source

    assert told(Camera(focal=700.0)) == (700, "given")
    focal, source = told(Camera(field_of_view=60.0))
    assert source == "field of view"
    assert 2 * math.degrees(math.atan(320 / focal)) == pytest.approx(60)
    assert told(Camera()) == (pytest.approx(math.hypot(640, 360)), "assumed")
    assert told(Camera(), (None, None, None))[1] == "assumed"
    assert told(Camera(), (None, 800.0, 900.0)) == (800, "exif")
    assert view_of(Camera(), SIZE, 3, (None, 800.0, 900.0)).focal[0] == 850
    assert told(Camera(focal=700.0), (800.0,) * 3) == (700, "given")


def test_exif(tmp_path: Path) -> None:
    def picture(tags: dict[int, object], size: tuple[int, int] = (600, 400)) -> Path:
        image = Image.new("RGB", size)
        exif = image.getexif()
        exif.get_ifd(0x8769).update(tags)
        image.save(tmp_path / "picture.jpg", exif=exif)
        return tmp_path / "picture.jpg"

    # A 36 mm wide film at 50 mm sees 2 atan(18 / 50) across a 3:2 picture.
    focal = exif_focal(picture({41989: 50}))
    assert focal is not None
    assert math.degrees(2 * math.atan(300 / focal)) == pytest.approx(39.6, abs=0.05)
    assert focal == pytest.approx(exif_focal(picture({41989: 50}, (400, 600))))
    # 20 mm, 10,000 pixels a centimetre of a sensor 6,000 wide, shrunk to a tenth.
    assert exif_focal(picture({37386: 20.0, 41486: 10000.0, 41488: 3, 40962: 6000})) == pytest.approx(2000)
    assert exif_focal(picture({37386: 20.0})) is None
    assert exif_focal(picture({41989: 0})) is None
    assert exif_focal(picture({})) is None


def test_json_path_is_turned_upright_and_interpolated(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    matrices, frames = poses(4), [1, 2, 5, 6]
    path = write_json(tmp_path / "path.json", matrices, frames, focal=500, centre=[320, 170], size=[1280, 720])
    with caplog.at_level(logging.WARNING):
        view = view_of(Camera(path=str(path), scale=2.0), SIZE, 8)
    assert "lacks 4 of 8 frames: 2 lie between others and are interpolated, 2 at the ends stand still" in caplog.text
    assert view.focal_source == "camera path"
    np.testing.assert_allclose(view.focal, 250)
    np.testing.assert_allclose(view.centre[3], [159.75, 84.75])
    # Up is -y of the file's world unless it says otherwise: y and z change sign.
    half_turn = np.diag([1, -1, -1])
    assert view.camera_to_world is not None
    for frame, matrix in zip(frames, matrices, strict=True):
        np.testing.assert_allclose(view.camera_to_world[frame, :3, :3], half_turn @ matrix[:3, :3], atol=1e-9)
        np.testing.assert_allclose(view.camera_to_world[frame, :3, 3], 2 * half_turn @ matrix[:3, 3], atol=1e-9)
    between = half_turn @ Slerp([2, 5], Rotation.from_matrix(matrices[1:3, :3, :3]))(4).as_matrix()
    np.testing.assert_allclose(view.camera_to_world[4, :3, :3], between, atol=1e-9)
    thirds = (matrices[1, :3, 3] + 2 * matrices[2, :3, 3]) / 3
    np.testing.assert_allclose(view.camera_to_world[4, :3, 3], 2 * half_turn @ thirds, atol=1e-9)
    np.testing.assert_array_equal(view.camera_to_world[0], view.camera_to_world[1])
    np.testing.assert_array_equal(view.camera_to_world[7], view.camera_to_world[6])


@pytest.mark.parametrize("up", ["+x", "-x", "+y", "-y", "+z", "-z", "z"])
def test_what_is_up_becomes_y(tmp_path: Path, up: str) -> None:
    path = write_json(tmp_path / "path.json", poses(2), [0, 1], up=up)
    by_file = view_of(Camera(path=str(path)), SIZE, 2)
    assert by_file.camera_to_world is not None
    assert by_file.focal_source == "assumed"
    turn = by_file.camera_to_world[:, :3, :3] @ np.linalg.inv(poses(2)[:, :3, :3])
    axis = np.zeros(3)
    axis["xyz".index(up[-1])] = -1 if up[0] == "-" else 1
    np.testing.assert_allclose(turn @ axis, [[0, 1, 0]] * 2, atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(turn), 1)
    by_hand = view_of(Camera(path=str(path), up="+y"), SIZE, 2).camera_to_world
    assert by_hand is not None
    np.testing.assert_allclose(by_hand, poses(2), atol=1e-9)


def test_csv_is_the_same_path(tmp_path: Path) -> None:
    matrices = poses(5)
    rows = ["frame, focal, cx, cy, qw, qx, qy, qz, tx, ty, tz"]
    for frame, matrix in enumerate(matrices):
        x, y, z, w = Rotation.from_matrix(matrix[:3, :3]).as_quat()
        rows.append(f"{frame}, {500 + frame}, 300, 200, {w}, {x}, {y}, {z}, " + ", ".join(map(str, matrix[:3, 3])))
    path = tmp_path / "path.csv"
    path.write_text("\n".join([rows[0], *reversed(rows[1:])]))  # in any order
    view = view_of(Camera(path=str(path), up="+y"), SIZE, 5)
    np.testing.assert_allclose(view.camera_to_world, matrices, atol=1e-12)
    np.testing.assert_array_equal(view.focal, [500, 501, 502, 503, 504])
    np.testing.assert_array_equal(view.centre, [[300, 200]] * 5)


def test_colmap_sees_points_where_we_do(tmp_path: Path) -> None:
    """A point of the world, projected by COLMAP's formula and by our camera; its pixels count from corners."""
    matrices = poses(6)
    folder = write_colmap(tmp_path / "sparse", matrices)
    view = view_of(Camera(path=str(folder), up="+y"), SIZE, 6)
    assert view.camera_to_world is not None
    point = np.array([0.3, -0.2, 5.0])
    lines = (folder / "images.txt").read_text().splitlines()[1::2]
    for frame, line in enumerate(lines):
        w, x, y, z, *shift = map(float, line.split()[1:8])
        in_camera = Rotation.from_quat([x, y, z, w]).apply(point) + shift
        colmap = 500 * in_camera[:2] / in_camera[2] + [320.5, 180.5]
        ours = np.linalg.inv(view.camera_to_world[frame]) @ [*point, 1]
        pixel = view.focal[frame] * ours[:2] / ours[2] + view.centre[frame]
        np.testing.assert_allclose(pixel + 0.5, colmap, atol=1e-3)
    assert view_of(Camera(path=str(folder / "images.txt")), SIZE, 6).focal_source == "camera path"
    moved = view_of(Camera(path=str(folder), up="+y", first_number=0), SIZE, 7).camera_to_world
    assert moved is not None
    np.testing.assert_allclose(moved[1:], matrices, atol=1e-9)


@pytest.mark.parametrize(
    ("model", "focal", "centre"),
    [
        ("1 SIMPLE_PINHOLE 640 360 400 320 180", 400, (319.5, 179.5)),
        ("1 OPENCV 1280 720 801 799 640 360 0.001 0 0 0", 400, (319.5, 179.5)),
        ("1 SIMPLE_RADIAL 640 360 400 300 170 0.2", 400, (299.5, 169.5)),
    ],
)
def test_colmap_cameras(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, model: str, focal: float, centre: tuple[float, float]
) -> None:
    with caplog.at_level(logging.WARNING):
        view = view_of(Camera(path=str(write_colmap(tmp_path, poses(3), model))), SIZE, 3)
    np.testing.assert_allclose(view.focal, focal)
    np.testing.assert_allclose(view.centre, [centre] * 3)
    assert ("distortion" in caplog.text) == model.endswith("0.2")


@pytest.mark.parametrize(
    ("camera", "message"),
    [
        (Camera(focal=0.0), r"camera\.focal must be a positive"),
        (Camera(field_of_view=180.0), "between 0 and 180"),
        (Camera(focal=1.0, field_of_view=1.0), "both tell"),
        (Camera(up="+y"), r"camera\.up is read only with camera\.path"),
        (Camera(scale=2.0), r"camera\.scale is read only"),
        (Camera(scale=-1.0), r"camera\.scale must be positive"),
        (Camera(up="y", path="x.json"), r"camera\.up must be one of"),
        (Camera(path="absent.json"), "is not there"),
    ],
)
def test_settings_that_make_no_sense(camera: Camera, message: str) -> None:
    with pytest.raises(CameraError, match=message):
        view_of(camera, SIZE, 3)


def test_wrong_files_say_what_is_wrong(tmp_path: Path) -> None:
    def refused(path: Path, message: str, **camera: object) -> None:
        with pytest.raises(CameraError, match=message):
            view_of(Camera(path=str(path), **camera), SIZE, 4)

    json_path, csv_path = tmp_path / "path.json", tmp_path / "path.csv"
    good, turned = poses(3), poses(3)
    turned[1, :3, :3] *= -1
    refused(write_json(json_path, good, [2, 3, 4]), r"has a frame 4, but the clip's 4 frames are 0 to 3")
    refused(write_json(json_path, good, [0, 1, 1]), "has frame 1 twice")
    refused(write_json(json_path, good[:0], []), "has no frames")
    refused(write_json(json_path, turned, [0, 1, 2]), "frame 1 is turned by no rotation")
    refused(write_json(json_path, good[:, :2], [0, 1, 2]), "entry 0 of its frames is wrong")
    refused(write_json(json_path, good, [0, 1, 2], focal=-4), "focal length that is not positive")
    refused(write_json(json_path, good, [0, 1, 2], focal=400, size=[100, 100]), "another shape than the clip's")
    refused(write_json(json_path, good, [0, 1, 2], size=[100]), r"size must be \[width, height\]")
    refused(write_json(json_path, good, [0, 1, 2], focal=400), "leave camera.focal", focal=300.0)
    refused(write_json(json_path, good, [0, 1, 2], up="w"), "says that 'w' points up")
    for text, message in (("{", "no JSON"), ("[]", "no list of frames"), ('{"frames": [{}]}', "lacks a key")):
        json_path.write_text(text)
        refused(json_path, message)
    for text, message in (
        ("", "lacks the columns frame"),
        ("frame,qw,qx,qy,qz\n", "lacks the columns tx, ty, tz"),
        ("frame,qw,qx,qy,qz,tx,ty,tz\n0,1,0,0,0,0,0\n", "line 2 is wrong"),
        ("frame,qw,qx,qy,qz,tx,ty,tz\n0,0,0,0,0,0,0,0\n", "line 2 is wrong"),
        ("frame,qw,qx,qy,qz,tx,ty,tz\n0,one,0,0,0,0,0,0\n", "line 2 is wrong"),
    ):
        csv_path.write_text(text)
        refused(csv_path, message)
    csv_path.write_bytes(b"\xff\xfe\x00")
    refused(csv_path, "damaged")
    (tmp_path / "path.txt").write_text("")
    refused(tmp_path / "path.txt", "is no camera path")


def test_wrong_colmap_models_say_what_is_wrong(tmp_path: Path) -> None:
    def refused(message: str) -> None:
        with pytest.raises(CameraError, match=message):
            view_of(Camera(path=str(tmp_path)), SIZE, 4)

    (tmp_path / "cameras.bin").write_bytes(b"")
    refused("has no cameras.txt.*model_converter")
    for camera, message in (
        ("1 OPENCV_FISHEYE 640 360 1 1 1 1 0 0 0 0", "not near a pinhole"),
        ("1 PINHOLE 640 360 400 500 320 180", "taken for square"),
        ("1 PINHOLE 640 360 400 400", "too few parameters"),
        ("1 PINHOLE wide", "this line is wrong"),
        ("2 PINHOLE 640 360 400 400 320 180", "names no camera"),
    ):
        write_colmap(tmp_path, poses(3), camera)
        refused(message)
    write_colmap(tmp_path, poses(3))
    images = tmp_path / "images.txt"
    text = images.read_text()
    images.write_text(text.replace("frame_00002", "front"))
    refused("has no number")
    images.write_text(text.replace("frame_00002", "frame_00001"))
    refused("has frame 1 twice")
    images.write_text("# nothing\n")
    refused("has no frames")
    images.write_bytes(b"\xff\xfe\x00")
    refused("is no text file")
    write_colmap(tmp_path, poses(5))
    refused("set camera.first_number")


def test_the_documented_examples_are_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "motion.md").read_text(encoding="utf-8")
    blocks = page.split("```")[1::2]
    (tmp_path / "path.json").write_text(next(b for b in blocks if b.startswith("json")).removeprefix("json"))
    (tmp_path / "path.csv").write_text(next(b for b in blocks if "frame,focal" in b).strip())
    by_json = view_of(Camera(path=str(tmp_path / "path.json")), (1280, 720), 1)
    by_csv = view_of(Camera(path=str(tmp_path / "path.csv")), (1280, 720), 1)
    np.testing.assert_array_equal(by_json.focal, by_csv.focal)
    assert by_json.camera_to_world is not None
    # The camera stands 1.6 m above the ground and looks along the world's level.
    np.testing.assert_allclose(by_json.camera_to_world[0, :3, 3], [0, 1.6, 0], atol=1e-9)
    np.testing.assert_allclose(by_json.camera_to_world[0, :3, 1], [0, -1, 0], atol=1e-9)
