"""COCO's judge: the geometry of the crops, and object keypoint similarity by its formula."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maflab.data.pack_format import PackError
from maflab.geometry.crops import crop_affine, crop_to_pixels
from maflab.metrics.coco import CocoJudge, CocoPeople, source_pixels

# COCO's constants, nose to ankles (cocodataset.org/#keypoints-eval): k is twice the standard deviation.
SIGMAS = np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000


def people_of(image_ids: list[int]) -> CocoPeople:
    count = len(image_ids)
    crops = np.tile([0.0, 0.0, 1.0], (count, 1))
    return CocoPeople(np.array(image_ids), np.full((count, 2), 100.0), np.full(count, 200.0), crops)


def write_labels(path: Path, points: np.ndarray, image_ids: list[int], area: float) -> Path:
    annotations = []
    for number, (one, image) in enumerate(zip(points, image_ids, strict=True)):
        triples = np.concatenate((one, np.full((17, 1), 2.0)), axis=1).flatten().tolist()
        box = [*one.min(0), *np.ptp(one, axis=0)]
        about: dict[str, Any] = {"id": number + 1, "image_id": image, "category_id": 1, "iscrowd": 0}
        annotations.append(about | {"num_keypoints": 17, "keypoints": triples, "bbox": box, "area": area})
    images = [{"id": number} for number in sorted(set(image_ids))]
    categories = [{"id": 1, "name": "person"}]
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return path


def test_source_pixels_undo_the_crop() -> None:
    """Through the crop's own affine map, at any resolution, and the stored picture's place in its source."""
    generator = np.random.default_rng(0)
    source = generator.uniform(100, 500, (3, 17, 2))
    people = CocoPeople(
        np.arange(3), np.array([[50, 60], [70, 40], [64, 64.0]]), np.array([90, 80.5, 120]),
        np.array([[90, 80, 0.5], [10, -20, 0.3], [0, 0, 1.2]]),
    )  # fmt: skip
    keypoints = []
    for points, center, size, (x0, y0, scale) in zip(source, *people[1:], strict=True):
        affine = crop_affine(center, size, 97)
        cropped = (points - (x0, y0)) * scale @ affine[:, :2].T + affine[:, 2]
        keypoints.append(cropped / 48 - 1)
        np.testing.assert_allclose(crop_to_pixels(keypoints[-1], 97), cropped)
    np.testing.assert_allclose(source_pixels(np.array(keypoints), people), source, rtol=1e-9)


def test_a_person_is_found_where_the_similarity_says_so(tmp_path: Path) -> None:
    """All joints of each person are off by what gives one OKS: 0.9, 0.7, 0.3; so 9, 5 and 0 of ten thresholds pass."""
    area = 10000.0
    labelled = np.random.default_rng(1).uniform(20, 180, (3, 17, 2))
    similarities = np.array([0.9, 0.7, 0.3]) + 1e-3
    distance = np.sqrt(-2 * area * (2 * SIGMAS) ** 2 * np.log(similarities)[:, None])
    found = labelled + np.stack((distance, np.zeros_like(distance)), axis=-1)
    judge = CocoJudge(write_labels(tmp_path / "labels.json", labelled, [1, 2, 3], area))
    one_each = [judge.judge(found[i : i + 1] / 100 - 1, people_of([number])) for i, number in enumerate((1, 2, 3))]
    assert [row["ar"] for row in one_each] == pytest.approx([90.0, 50.0, 0.0])
    assert [row["ap_50"] for row in one_each] == pytest.approx([100.0, 100.0, 0.0])
    assert [row["ap_75"] for row in one_each] == pytest.approx([100.0, 0.0, 0.0])
    together = judge.judge(found / 100 - 1, people_of([1, 2, 3]))
    assert together["ar"] == pytest.approx((90 + 50 + 0) / 3)


def test_labelled_people_who_are_not_judged_are_missed(tmp_path: Path) -> None:
    labelled = np.random.default_rng(2).uniform(20, 180, (3, 17, 2))
    judge = CocoJudge(write_labels(tmp_path / "labels.json", labelled, [1, 1, 2], 9000.0))
    assert judge.people == 3
    assert judge.labelled(np.array([1])) == 2
    row = judge.judge(labelled[:1] / 100 - 1, people_of([1]))
    assert row["ar"] == pytest.approx(50)
    assert judge.judge(labelled / 100 - 1, people_of([1, 1, 2]))["ap"] == pytest.approx(100)


def test_pictures_of_other_annotations_are_refused(tmp_path: Path) -> None:
    labelled = np.full((1, 17, 2), 50.0)
    judge = CocoJudge(write_labels(tmp_path / "labels.json", labelled, [1], 9000.0))
    with pytest.raises(PackError, match=r"a\.h5 has 2 pictures that .* does not know, such as number 4"):
        judge.check(np.array([1, 5, 4]), Path("a.h5"))


@pytest.mark.parametrize("content", ["{", "[]", '{"annotations": [{"id": 1, "image_id": 1}]}', "\xff"])
def test_a_file_that_is_no_annotation_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "labels.json").write_bytes(content.encode("latin1"))
    with pytest.raises(PackError, match=r"labels\.json is not a file of COCO's person key points"):
        CocoJudge(tmp_path / "labels.json")
