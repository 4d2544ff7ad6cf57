"""Boxes that somebody else has found, from COCO's JSON, MOT's text or the suite's own JSON.

Convention: boxes come back as left, top, right, bottom with pixel (0, 0) at the centre of the top-left one. COCO counts
from that pixel's corner; MOT's first pixel is 1.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from maflab.inference.errors import DetectorError

FORMAT = "maflab-boxes"


class Box(NamedTuple):
    """One person in one frame."""

    corners: tuple[float, float, float, float]  # left, top, right, bottom
    score: float
    identity: int | None


Boxes = dict[int | str, list[Box]]
"""By the frame's number, from 0, or by the name of its picture's file."""


def read_boxes(path: Path) -> Boxes:
    """The boxes of a file, whichever of the three kinds it is.

    Raises:
        DetectorError: it is missing, of another kind, or wrong somewhere; the message says where.
    """
    if not path.is_file():
        raise DetectorError(f"detector.path={path} is not there; give COCO's JSON, MOT's text or the suite's own JSON")
    try:
        json_file = path.suffix.lower() == ".json"
        boxes = _read_json(json.loads(path.read_text(encoding="utf-8"))) if json_file else _read_mot(path)
        for frame, people in boxes.items():
            _check_identities(frame, people)
        return boxes
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error).split("\n")[0]
        raise DetectorError(f"{path} cannot be read as boxes of people: {what}") from error


def _read_json(content: Any) -> Boxes:
    if isinstance(content, dict) and content.get("format") == FORMAT:
        return _own(content["frames"])
    if isinstance(content, dict) and "annotations" in content:
        return _coco(content["annotations"], content.get("images", []), content.get("categories", []))
    if isinstance(content, list):  # COCO's results, which name their pictures by number alone
        return _coco(content, [], [])
    raise ValueError(f"it has neither COCO's 'annotations' nor the suite's 'format': {FORMAT!r}")


def _own(frames: dict[str, list[dict[str, Any]]]) -> Boxes:
    found: Boxes = {}
    for key, people in frames.items():
        found[int(key) if key.isdecimal() else key] = [
            _box(person["box"], person.get("confidence", 1.0), person.get("identity")) for person in people
        ]
    return found


def _coco(annotations: list[dict], images: list[dict], categories: list[dict]) -> Boxes:
    names = {image["id"]: Path(image["file_name"]).name for image in images}
    person = next((entry["id"] for entry in categories if entry.get("name") == "person"), 1)
    found: Boxes = {name: [] for name in names.values()}
    for entry in annotations:
        if entry.get("category_id", person) != person:
            continue
        key = names[entry["image_id"]] if names else int(entry["image_id"])
        x, y, w, h = (float(value) for value in entry["bbox"])
        corners = (x - 0.5, y - 0.5, x + w - 0.5, y + h - 0.5)
        found.setdefault(key, []).append(_box(corners, entry.get("score", 1.0), entry.get("track_id")))
    return found


def _read_mot(path: Path) -> Boxes:
    """Lines of frame, identity, left, top, width, height, confidence ...; frames and pixels count from 1."""
    found: Boxes = defaultdict(list)
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fields = line.replace(",", " ").split()
        if not fields:
            continue
        try:
            frame, identity, x, y, w, h, *rest = (float(field) for field in fields)
        except ValueError as error:
            raise ValueError(f"line {number} is not frame, identity, left, top, width, height, confidence") from error
        if rest and rest[0] == 0:  # in MOT's ground truth: not to be counted
            continue
        score = rest[0] if rest and 0 < rest[0] <= 1 else 1.0
        corners = (x - 1.5, y - 1.5, x + w - 1.5, y + h - 1.5)
        found[int(frame) - 1].append(_box(corners, score, None if identity < 0 else int(identity)))
    return dict(found)


def _check_identities(frame: int | str, people: list[Box]) -> None:
    known = [box.identity for box in people if box.identity is not None]
    for identity in known:
        if known.count(identity) > 1:
            raise ValueError(f"frame {frame} has the person {identity} twice")


def _box(corners: Any, score: Any, identity: Any) -> Box:
    left, top, right, bottom = (float(value) for value in corners)
    if not (right > left and bottom > top and np.isfinite([left, top, right, bottom]).all()):
        raise ValueError(f"the box {left:g}, {top:g}, {right:g}, {bottom:g} has no extent")
    return Box((left, top, right, bottom), float(score), None if identity is None else int(identity))


def by_number(boxes: Boxes, names: list[str]) -> dict[int, list[Box]]:
    """The boxes by the frame's number; `names` are those of a folder's pictures, none for a video.

    Raises:
        DetectorError: a frame is named that is not there.
    """
    numbers: dict[str, int] = {name: number for number, name in enumerate(names)}
    find: Callable[[str], int | None] = numbers.get if names else _number_in
    found = {}
    for key, people in boxes.items():
        number = key if isinstance(key, int) else find(key)
        if number is None:
            raise DetectorError(f"The file of boxes names the picture {key}, which is not among the input's")
        found[number] = people
    return found


def _number_in(name: str) -> int | None:
    """The number that a video's frame was saved under: 000012.jpg is frame 12."""
    digits = "".join(character if character.isdecimal() else " " for character in Path(name).stem).split()
    return int(digits[-1]) if digits else None
