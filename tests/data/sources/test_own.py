"""People of one's own: the documentation's examples, equal in both forms, and a clear word about what is wrong."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maflab.body.joints import BODY25, SMPL24, SPIN24, SPIN49
from maflab.data.sources.own import JOINT_SETS, OwnLabels
from maflab.data.sources.person import SourceError, Unusable

PAGE = (Path(__file__).parents[3] / "docs" / "own_data.md").read_text()


def example(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return found


def read(folder: Path, name: str, content: str, **settings: Any) -> list[Any]:
    (folder / name).write_text(content)
    people: list[Any] = list(reader := OwnLabels(folder / name, **settings))
    assert len(reader) == len(people)
    return people


def lines_of(content: str) -> str:
    return "\n".join(json.dumps(record) for record in json.loads(content)["people"])


@pytest.mark.parametrize("form", ["csv", "json", "jsonl"])
def test_the_documented_examples(form: str, tmp_path: Path) -> None:
    content = {"csv": example("csv"), "json": example("json"), "jsonl": lines_of(example("json"))}[form]
    first, second = read(tmp_path, f"people.{form}", content)
    assert first.image == tmp_path / "beach" / "0001.jpg"
    assert np.allclose(first.center, (120 + 90, 40 + 200))
    assert first.size == 1.2 * 400
    assert first.gender == 1
    assert np.allclose(first.keypoints_2d[SPIN49.index("RKnee")], (165.5, 302, 0.8))
    assert (first.keypoints_2d[:, 2] > 0).sum() == 2
    assert np.allclose(second.center, (135, 212.5))
    assert np.isclose(second.size, 1.2 * 90)
    assert second.gender == -1
    assert second.keypoints_2d[SPIN49.index("RKnee"), 2] == 1


def test_every_label_in_both_forms(tmp_path: Path) -> None:
    pose, betas = np.linspace(-1, 1, 72), np.arange(10) / 10
    record = {
        "image": "a.jpg", "box": [1, 2, 30, 40], "keypoints": {"OP LWrist": [5, 6, 0.5]}, "pose": pose.tolist(),
        "betas": betas.tolist(), "gender": "male", "focal": 1200.5, "sequence": "walk", "frame": 7, "annotation": 8,
        "image_id": 9,
    }  # fmt: skip
    cells = {"image": "a.jpg", "box_left": 1, "box_top": 2, "box_width": 30, "box_height": 40, "OP LWrist_x": 5,
             "OP LWrist_y": 6, "OP LWrist_confidence": 0.5, "gender": "male", "focal": 1200.5, "sequence": "walk",
             "frame": 7, "annotation": 8, "image_id": 9}  # fmt: skip
    cells |= {f"pose_{i}": value for i, value in enumerate(pose)} | {f"betas_{i}": v for i, v in enumerate(betas)}
    table = ",".join(cells) + "\n" + ",".join(map(str, cells.values())) + "\n"
    for name, content in {"a.jsonl": json.dumps(record), "a.csv": table}.items():
        (person,) = read(tmp_path, name, content, joints="BODY25", images="pictures")
        assert person.image == Path("pictures/a.jpg")
        assert np.allclose(person.pose, pose)
        assert np.allclose(person.betas, betas)
        assert (person.gender, person.focal, person.sequence, person.frame) == (0, 1200.5, "walk", 7)
        assert (person.annotation, person.image_id) == (8, 9)
        assert np.allclose(person.keypoints_2d[BODY25.index("OP LWrist")], (5, 6, 0.5))


def test_lists_stand_in_the_sets_order(tmp_path: Path) -> None:
    points = [[10.0 * i, 5.0 * i] for i in range(24)]
    record = {"image": "a.jpg", "keypoints": points, "joints_3d": [[0.1 * i, 0, 1] for i in range(24)]}
    (person,) = read(tmp_path, "a.json", json.dumps({"people": [record]}), joints="SMPL24")
    wrist = SMPL24.index("left_wrist")
    for name in ("LWrist", "OP LWrist"):
        assert np.allclose(person.keypoints_2d[SPIN49.index(name)], (10 * wrist, 5 * wrist, 1))
    assert np.allclose(person.joints_3d[SPIN24.index("LWrist")], (0.1 * wrist, 0, 1, 1))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", {"image": "a", "bbox": [1, 2, 3, 4]}, "line 1: there is no field bbox; there are .*box"),
        ("a.jsonl", {"box": [1, 2, 3, 4]}, "line 1: it names no image"),
        ("a.jsonl", {"image": "a"}, "neither a box nor key points"),
        ("a.jsonl", {"image": "a", "box": [1, 2, 3]}, "box has 3 numbers, not 4"),
        ("a.jsonl", {"image": "a", "box": [1, 2, 3, 4], "pose": [0] * 69}, "pose has 69 numbers, not 72"),
        ("a.jsonl", {"image": "a", "keypoints": {"knee": [1, 2]}}, "COCO17 has no joint knee; it has Nose, "),
        ("a.jsonl", {"image": "a", "keypoints": [[1, 2]]}, "1 key points are given for the 17 joints"),
        ("a.jsonl", {"image": "a", "keypoints": {"Nose": [1]}}, "Nose has 1 numbers"),
        ("a.jsonl", {"image": "a", "keypoints": {"Nose": 1}}, "line 1: .*int"),
        ("a.jsonl", {"image": "a", "box": [1, 2, 3, 4], "gender": "x"}, "male, female or neutral, not 'x'"),
        ("a.jsonl", [1], "a record is an object with names"),
        ("a.csv", "image,Nose_x\na.jpg,5\n", "line 2: Nose has one coordinate of two"),
        ("a.csv", "image,box_left\na.jpg,5\n", "line 2: a box is box_left"),
        ("a.csv", "image,Nose_x,Nose_y\na.jpg,5,left\n", "line 2: Nose_y is 'left', not a number"),
        ("a.csv", "image,pose_0,box_left\na.jpg,5\n", r"line 2: pose is pose_0 \.\.\. pose_71; 1 cells are filled"),
        ("a.csv", "image\na.jpg,5\n", "line 2: it has more cells than there are columns"),
    ],
)
def test_what_is_wrong_with_a_record_is_said_and_the_next_one_is_read(
    name: str, content: Any, said: str, tmp_path: Path
) -> None:
    good = {"a.jsonl": '{"image": "b", "box": [1, 2, 3, 4]}', "a.csv": ""}[name]
    text = content if isinstance(content, str) else f"{json.dumps(content)}\n{good}"
    wrong, *others = read(tmp_path, name, text)
    assert isinstance(wrong, Unusable)
    assert re.search(said, wrong.why)
    assert wrong.image in ("a", "a.jpg", "")
    assert [one.image.name for one in others] == ["b"] * bool(good)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", '[{"image": "a"}]', "cannot be read"),
        ("a.json", '{"persons": []}', "no 'people'"),
        ("a.jsonl", '{"image": "a"', "cannot be read"),
        ("a.csv", "image,Nose\na.jpg,5\n", "there is no column 'Nose'"),
        ("a.csv", "image,box_let\na.jpg,\n", "there is no column 'box_let'"),
        ("a.txt", "", "must be one of"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(name: str, content: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=rf"{re.escape(name)}.*{said}"):
        read(tmp_path, name, content)


def test_names_that_do_not_exist(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is missing"):
        OwnLabels(tmp_path / "a.csv")
    with pytest.raises(ValueError, match="no joint set 'COCO18'; there are COCO17"):
        OwnLabels(tmp_path / "a.csv", joints="COCO18")


def test_the_page_names_each_joint_set() -> None:
    assert [name for name in JOINT_SETS if f"`{name}`" not in PAGE] == []
