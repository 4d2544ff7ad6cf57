"""COCO's person key points (Lin et al., 2014): `annotations/person_keypoints_<split>.json`.

Of each annotation: id, image_id, bbox (left, top, width, height, pixels), keypoints (17 times x, y, v: v 0 unlabelled,
1 hidden, 2 visible; both of the latter count as labelled, as in SPIN), num_keypoints, iscrowd. Crowds and people
without key points are left out. The picture is `<images>/<file_name>`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from maflab.body.joints import COCO17, SPIN49
from maflab.body.label_joints import placed
from maflab.data.sources.boxes import square_box
from maflab.data.sources.entries import checked_confidence
from maflab.data.sources.json_items import json_items
from maflab.data.sources.person import Person, SourceError

_BODY_JOINTS = tuple(name for name in COCO17.names if name not in ("Nose", "LEye", "REye", "LEar", "REar"))


class _Annotation(NamedTuple):
    """What is kept of an annotation: about a hundredth of what its outline takes."""

    number: int
    image_id: int
    box: tuple[float, ...]
    keypoints: NDArray[np.float32]  # (17, 3)


class CocoLabels:
    """People of one of COCO's key point files. Of the file, only what is used stays in memory.

    Args:
        labels: the JSON file.
        images: the folder of the pictures.
        body_joints: how many of the twelve joints below the head must be labelled; 12 is SPIN's choice for training
            (28,344 people of train2014), 0 takes everyone with a key point, as the protocol does.

    Raises:
        SourceError: the file is missing, damaged, or holds no key points of people.
    """

    def __init__(self, labels: str | Path, images: str | Path, body_joints: int = 0) -> None:
        self.images = Path(images)
        self._names, found = _read(Path(labels))
        body = [COCO17.index(name) for name in _BODY_JOINTS]
        self._annotations = [one for one in found if (one.keypoints[body, 2] > 0).sum() >= body_joints]

    def __len__(self) -> int:
        return len(self._annotations)

    def __iter__(self) -> Iterator[Person]:
        for annotation in self._annotations:
            center, size = square_box(*annotation.box)
            yield Person(
                image=self.images / self._names[annotation.image_id],
                center=center,
                size=size,
                keypoints_2d=placed(checked_confidence(annotation.keypoints), COCO17, SPIN49),
                annotation=annotation.number,
                image_id=annotation.image_id,
            )


def _read(path: Path) -> tuple[dict[int, str], list[_Annotation]]:
    """Pictures' names by id, and the annotations with key points, in the file's order."""
    if not path.is_file():
        raise SourceError(f"{path} is missing; unpack COCO's annotations_trainval archive there")
    try:
        names = {int(image["id"]): str(image["file_name"]) for image in json_items(path, "images")}
        kept = [_annotation(entry) for entry in json_items(path, "annotations") if _has_keypoints(entry)]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SourceError(
            f"{path} is damaged, or holds no key points of people ({type(error).__name__}: {error}); "
            "person_keypoints_*.json is the file to name"
        ) from error
    if unknown := {one.image_id for one in kept} - names.keys():
        raise SourceError(f"{path} has people on {len(unknown)} pictures that it does not list, e.g. {min(unknown)}")
    return names, kept


def _has_keypoints(entry: dict[str, Any]) -> bool:
    return not entry.get("iscrowd", 0) and any(entry["keypoints"][2::3])


def _annotation(entry: dict[str, Any]) -> _Annotation:
    left, top, width, height = (float(number) for number in entry["bbox"])
    points = np.array(entry["keypoints"], np.float32).reshape(len(COCO17), 3)
    return _Annotation(int(entry["id"]), int(entry["image_id"]), (left, top, width, height), points)
