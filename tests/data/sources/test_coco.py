"""COCO's JSON: the people that pycocotools sees, at the places of their names."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO

from maflab.body.joints import SPIN24, SPIN49
from maflab.data.sources.coco import CocoLabels
from maflab.data.sources.person import SourceError

# SPIN's joints_idx for COCO (datasets/preprocess/coco.py): where COCO's joint i goes among the 24.
SPINS_ORDER = [19, 20, 21, 22, 23, 9, 8, 10, 7, 11, 6, 3, 2, 4, 1, 5, 0]


def annotation(number: int, image: int, labelled: int = 17, **changes: Any) -> dict[str, Any]:
    generator = np.random.default_rng(number)
    points = np.concatenate([generator.integers(1, 400, (17, 2)), generator.integers(1, 3, (17, 1))], axis=1)
    points[labelled:] = 0
    return {
        "segmentation": [generator.random(40).round(2).tolist()],
        "num_keypoints": labelled,
        "area": 10.5,
        "iscrowd": 0,
        "keypoints": points.ravel().tolist(),
        "image_id": image,
        "bbox": [10.5, 20.25, 100.0, 300.5],
        "category_id": 1,
        "id": number,
    } | changes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    content = {
        "info": {"year": 2014},
        "licenses": [],
        "images": [
            {"license": 1, "file_name": f"COCO_val2014_{i:012d}.jpg", "height": 480, "width": 640, "id": i}
            for i in (42, 73, 74)
        ],
        "annotations": [
            annotation(900100, 42),
            annotation(183126, 73, labelled=9),
            annotation(183127, 73, labelled=0),
            annotation(900200, 74, iscrowd=1, segmentation={"counts": [1, 2], "size": [480, 640]}),
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": ["nose"], "skeleton": [[1, 1]]}],
    }
    path = tmp_path / "person_keypoints_val2014.json"
    path.write_text(json.dumps(content))
    return path


def test_the_people_are_those_of_pycocotools(path: Path) -> None:
    people: list[Any] = list(reader := CocoLabels(path, "val2014"))
    assert len(reader) == len(people)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(path))
    expected = [one for one in coco.loadAnns(coco.getAnnIds(iscrowd=False)) if one["num_keypoints"] > 0]
    assert [(one.annotation, one.image_id) for one in people] == [(one["id"], one["image_id"]) for one in expected]
    for person, one in zip(people, expected, strict=True):
        assert person.image == Path("val2014") / coco.loadImgs(one["image_id"])[0]["file_name"]
        spin = np.zeros((24, 3))
        spin[SPINS_ORDER] = np.reshape(one["keypoints"], (17, 3))
        spin[:, 2] = spin[:, 2] > 0
        assert np.array_equal(person.keypoints_2d[-len(SPIN24) :], spin)
        assert not person.keypoints_2d[: -len(SPIN24)].any()
        assert np.allclose(person.center, [10.5 + 50, 20.25 + 150.25])
        assert np.isclose(person.size, 1.2 * 300.5)


def test_spins_choice_for_training(path: Path) -> None:
    assert [one.annotation for one in CocoLabels(path, "val2014", body_joints=12)] == [900100]
    assert len(CocoLabels(path, "val2014", body_joints=4)) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "damaged"),
        ('{"images": []}', "no 'annotations'"),
        ('{"images": [], "annotations": [{"id": 1, "image_id": 3}]}', "KeyError: 'keypoints'"),
        (json.dumps({"images": [], "annotations": [annotation(1, 3)]}), "1 pictures that it does not list, e.g. 3"),
        (json.dumps({"images": [{"id": 3, "file_name": "a"}], "annotations": [annotation(1, 3, bbox=[1])]}), "damaged"),
    ],
)
def test_other_files_are_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(SourceError, match=rf"a\.json.*{said}"):
        CocoLabels(tmp_path / "a.json", tmp_path)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is missing"):
        CocoLabels(tmp_path / "a.json", tmp_path)


def test_the_two_noses_are_two_places() -> None:
    assert SPIN49.index("Nose") != SPIN49.index("OP Nose")
