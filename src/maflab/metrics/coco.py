"""COCO's average precision of key points, by the authors' own code (pycocotools)."""

import contextlib
import functools
import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from maflab.data.pack_format import PackError
from maflab.data.protocol import COCO_METRICS

_STATS = (0, 1, 2, 3, 4, 5)
"""Where pycocotools' summary has `COCO_METRICS`."""


class CocoPeople(NamedTuple):
    """The persons that are judged, in the order of their key points."""

    image_ids: NDArray[np.int64]  # (N,)
    center: NDArray[np.floating]  # (N, 2) of the box, pixels of the stored picture
    size: NDArray[np.floating]  # (N,) of the box
    source_crop: NDArray[np.floating]  # (N, 3) x0, y0, scale of the stored picture in its source


class CocoJudge:
    """Judges key points of labelled boxes against a file of annotations.

    The pictures are those of the judged people; a labelled person of them who is not judged counts as missed.

    Args:
        path: `person_keypoints_val2014.json`.

    Raises:
        PackError: the file is missing or not one of COCO's key points.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise PackError(
                f"COCO's key points are judged by {path}, which is missing: unpack annotations_trainval2014.zip of "
                "https://cocodataset.org there, or give data.protocol.annotations=FILE"
            )
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints
                self._labels = COCO(str(path))
            people = [one for one in self._labels.anns.values() if one["num_keypoints"] and not one.get("iscrowd")]
        except (json.JSONDecodeError, UnicodeDecodeError, AssertionError, KeyError, TypeError) as error:
            raise PackError(f"{path} is not a file of COCO's person key points ({error!r}); fetch it again") from error
        self.path = path
        self.people = len(people)
        self._images = [one["image_id"] for one in people]

    def labelled(self, image_ids: NDArray[np.int64]) -> int:
        """How many people with key points the pictures have."""
        return int(np.isin(self._images, image_ids).sum())

    def check(self, image_ids: NDArray[np.int64], pack: Path) -> None:
        """Raises PackError where a picture of the pack is not in the file."""
        unknown = np.setdiff1d(image_ids, list(self._labels.imgs))
        if len(unknown):
            raise PackError(
                f"{pack} has {len(unknown)} pictures that {self.path} does not know, such as number {unknown[0]}; "
                "make the pack from those annotations, or give data.protocol.annotations=FILE"
            )

    def judge(self, keypoints: NDArray[np.floating], people: CocoPeople) -> dict[str, float]:
        """Average precision (overall, at OKS 0.5 and 0.75, of medium and large people) and recall, in percent.

        Args:
            keypoints: (N, 17, 2) crop coordinates, in COCO's order.
            people: whose they are.

        Source: Ronchi and Perona, ICCV 2017, and https://cocodataset.org/#keypoints-eval; every score is 1, no
        suppression.
        """
        found = detections(keypoints, people)
        with contextlib.redirect_stdout(io.StringIO()):
            evaluation = COCOeval(self._labels, self._labels.loadRes(found), "keypoints")
            evaluation.params.imgIds = sorted({int(number) for number in people.image_ids})
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        return {name: 100 * float(evaluation.stats[place]) for name, place in zip(COCO_METRICS, _STATS, strict=True)}


@functools.lru_cache(1)
def coco_judge(path: Path) -> CocoJudge:
    """The judge of a file, which takes seconds to read and is asked several times."""
    return CocoJudge(path)


def source_pixels(keypoints: NDArray[np.floating], people: CocoPeople) -> NDArray[np.float64]:
    """Pixels (N, 17, 2) of the source pictures of key points in crop coordinates.

    The crop spans the box, so p = centre + size / 2 k in the stored picture, and p / scale + (x0, y0) in its source.
    """
    stored = people.center[:, None] + people.size[:, None, None] / 2 * np.asarray(keypoints, np.float64)
    return stored / people.source_crop[:, None, 2:] + people.source_crop[:, None, :2]


def detections(keypoints: NDArray[np.floating], people: CocoPeople) -> list[dict[str, Any]]:
    """COCO's result format: image_id, category_id, 17 times x, y, 1, and a score of 1."""
    points = source_pixels(keypoints, people)
    triples = np.concatenate((points, np.ones((*points.shape[:2], 1))), axis=-1).reshape(len(points), -1)
    return [
        {"image_id": int(number), "category_id": 1, "keypoints": row.tolist(), "score": 1.0}
        for number, row in zip(people.image_ids, triples, strict=True)
    ]
