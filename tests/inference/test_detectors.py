"""Detectors against people whose boxes are known, and files of boxes in the forms of three worlds."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torchvision

from maflab.inference.box_file import FORMAT, by_number, read_boxes
from maflab.inference.detections import WholeFrame
from maflab.inference.errors import DetectorError
from maflab.inference.file_detector import FileDetector
from maflab.inference.frames import Frame, open_source
from maflab.inference.hog_detector import HogDetector
from maflab.inference.torchvision_detector import TorchvisionDetector

BOX = [20.0, 30.0, 60.0, 130.0]


def figure(height: int, size: tuple[int, int] = (480, 360), at: tuple[int, int] = (240, 180)) -> np.ndarray:
    """A drawn pedestrian: what histograms of gradients see of one is an outline with head, shoulders and legs."""
    grain = np.random.default_rng(0).normal(190, 4, (size[1], size[0], 1))
    image = grain.clip(0, 255).astype(np.uint8).repeat(3, 2)
    x, y, unit = at[0], at[1] - height / 2, height / 100

    def part(points: list[tuple[float, float]]) -> None:
        polygon = np.array([(x + unit * px, y + unit * py) for px, py in points], np.int32)
        cv2.fillPoly(image, [polygon], (40, 45, 60), cv2.LINE_AA)

    middle, axes = (int(x), int(y + 8 * unit)), (int(6 * unit), int(8 * unit))
    cv2.ellipse(image, middle, axes, 0, 0, 360, (60, 60, 70), -1, cv2.LINE_AA)
    part([(-14, 20), (14, 20), (12, 52), (-12, 52)])
    part([(-14, 20), (-19, 52), (-15, 53), (-10, 24)])
    part([(14, 20), (19, 52), (15, 53), (10, 24)])
    part([(-12, 50), (0, 50), (-3, 100), (-11, 100)])
    part([(0, 50), (12, 50), (11, 100), (3, 100)])
    return image


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float(torchvision.ops.box_iou(torch.as_tensor(one)[None].float(), torch.as_tensor(other)[None].float()))


@pytest.mark.parametrize("height", [200, 260, 340])
def test_opencv_finds_a_pedestrian_at_any_size_of_frame(height: int) -> None:
    image = figure(height)
    truth = np.array([240 - 0.19 * height, 180 - height / 2, 240 + 0.19 * height, 180 + height / 2])
    for scale in (1, 3):
        large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
        found = HogDetector().detect(Frame(0, 0.0, large))
        assert len(found.boxes) >= 1
        best = found.boxes[found.scores.argmax()]
        assert overlap(best / scale, truth) > 0.6
        assert 0 < found.scores.max() < 1


def test_opencv_finds_nobody_where_nobody_is() -> None:
    empty = np.tile(np.linspace(0, 255, 320, dtype=np.uint8)[:, None], (240, 1, 3))
    assert len(HogDetector().detect(Frame(0, 0.0, empty)).boxes) == 0


def test_the_whole_frame_is_a_box() -> None:
    found = WholeFrame().detect(Frame(0, 0.0, np.zeros((30, 50, 3), np.uint8)))
    np.testing.assert_array_equal(found.boxes, [[-0.5, -0.5, 49.5, 29.5]])


def test_torchvision_detectors_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match=r"no detector 'fasterrcnn'; there are .*fasterrcnn_resnet50_fpn_v2"):
        TorchvisionDetector("fasterrcnn")
    with pytest.raises(DetectorError, match="no such file"):
        TorchvisionDetector(weights=str(tmp_path / "none.pth"))


@pytest.mark.slow
def test_torchvision_takes_weights_from_a_file(tmp_path: Path) -> None:
    name = "ssdlite320_mobilenet_v3_large"
    network = torchvision.models.get_model(name, weights=None, weights_backbone=None)
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(DetectorError, match=f"other.pth does not fit {name}"):
        TorchvisionDetector(name, weights=str(tmp_path / "other.pth"))
    torch.save(network.state_dict(), tmp_path / "own.pth")
    detector = TorchvisionDetector(name, weights=str(tmp_path / "own.pth"), threshold=0.0, device="cpu")
    frame = Frame(0, 0.0, figure(200))
    found, expected = detector.detect(frame), network.eval()([torch.from_numpy(frame.image).permute(2, 0, 1) / 255])[0]
    people = expected["boxes"][expected["labels"] == 1]
    np.testing.assert_allclose(found.boxes, people.detach().numpy() - 0.5, atol=1e-3)


def test_three_kinds_of_files_say_the_same(tmp_path: Path) -> None:
    """The same box of frame 3, in the words of each: COCO's corner origin, MOT's counting from 1, our own centres."""
    coco = {"images": [{"id": 7, "file_name": "x/0003.jpg"}], "categories": [{"id": 4, "name": "person"}]}
    entry = {"image_id": 7, "bbox": [20.5, 30.5, 40, 100], "score": 0.5, "track_id": 9}
    coco["annotations"] = [entry | {"category_id": 4}, entry | {"category_id": 5}]
    own = {"format": FORMAT, "frames": {"3": [{"box": BOX, "confidence": 0.5, "identity": 9}]}}
    (tmp_path / "coco.json").write_text(json.dumps(coco))
    (tmp_path / "own.json").write_text(json.dumps(own))
    (tmp_path / "mot.txt").write_text("4,9,21.5,31.5,40,100,0.5,1,1\n\n4,10,0,0,5,5,0,1,1\n")
    for name in ("coco.json", "own.json", "mot.txt"):
        found = by_number(read_boxes(tmp_path / name), [])
        assert list(found) == [3], name
        assert found[3][0].corners == pytest.approx(BOX), name
        assert (found[3][0].score, found[3][0].identity) == (0.5, 9), name
        assert len(found[3]) == 1, name


def album(folder: Path, count: int) -> str:
    folder.mkdir()
    for number in range(count):
        cv2.imwrite(str(folder / f"f{number}.png"), np.zeros((200, 200, 3), np.uint8))
    return str(folder)


def test_boxes_go_to_the_pictures_they_name(tmp_path: Path) -> None:
    source = open_source(album(tmp_path / "album", 3))
    frames = {"f1.png": [{"box": BOX}], "f2.png": [{"box": BOX, "confidence": 0.1}]}
    (tmp_path / "own.json").write_text(json.dumps({"format": FORMAT, "frames": frames}))
    detector = FileDetector(str(tmp_path / "own.json"), threshold=0.5)
    detector.check(source)
    assert [len(detector.detect(frame).boxes) for frame in source] == [0, 1, 0]


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ({"f9.png": [{"box": BOX}]}, r"names the picture f9.png, which is not among the input's"),
        ({"3": [{"box": BOX}]}, r"has boxes of frame 3, but .*album has 3 frames"),
    ],
)
def test_frames_that_are_not_there_are_named(frames: dict, message: str, tmp_path: Path) -> None:
    source = open_source(album(tmp_path / "album", 3))
    (tmp_path / "own.json").write_text(json.dumps({"format": FORMAT, "frames": frames}))
    with pytest.raises(DetectorError, match=message):
        FileDetector(str(tmp_path / "own.json")).check(source)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "{", "cannot be read as boxes"),
        ("a.json", "{}", "neither COCO's 'annotations' nor the suite's"),
        ("a.json", json.dumps({"format": FORMAT, "frames": {"0": [{"box": [5, 5, 5, 9]}]}}), "has no extent"),
        ("a.json", json.dumps({"format": FORMAT, "frames": {"0": [{"box": BOX, "identity": 1}] * 2}}), "1 twice"),
        ("a.txt", "1,1,2,3\n", "line 1 is not frame, identity, left"),
    ],
)
def test_files_that_are_wrong_are_named(name: str, text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DetectorError, match=message):
        FileDetector(str(tmp_path / name))
    with pytest.raises(DetectorError, match="is not there"):
        FileDetector(str(tmp_path / "none.json"))
