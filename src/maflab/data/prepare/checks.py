"""Why a person is left out of a pack."""

import hashlib
from enum import StrEnum

import numpy as np

from maflab.data.prepare.pictures import Picture
from maflab.data.sources.person import Person


class Reason(StrEnum):
    """In the order they are looked for."""

    UNUSABLE = "label missing or of another form"
    DUPLICATE = "duplicate of an earlier person"
    NOT_FINITE = "label that is not a finite number"
    NO_BOX = "box without extent"
    NO_LABEL = "no visible key point and no other label"
    MISSING = "picture missing"
    UNREADABLE = "picture unreadable"
    OUTSIDE = "box outside the picture"


MENDABLE = frozenset({Reason.MISSING, Reason.UNREADABLE})
"""What may be mended without a change of the labels, so that it is tried again."""


def label_problem(person: Person) -> Reason | None:
    """What is wrong with the labels alone. Key points and joints without confidence may hold anything."""
    points = [np.asarray(p) for p in (person.keypoints_2d, person.joints_3d) if p is not None]
    marked = [p[~(p[:, -1] <= 0)] for p in points]
    others = [np.asarray(v) for v in (person.center, person.pose, person.betas, person.camera) if v is not None]
    if not all(np.isfinite(values).all() for values in [*marked, *others, np.array([person.size, person.focal])]):
        return Reason.NOT_FINITE
    if not person.size > 0:
        return Reason.NO_BOX
    if person.pose is None and not any(len(values) for values in marked):
        return Reason.NO_LABEL
    return None


def box_problem(person: Person, picture: Picture) -> Reason | None:
    """Whether no part of the box is in the picture."""
    low, high = np.asarray(person.center) - person.size / 2, np.asarray(person.center) + person.size / 2
    inside = (high > -0.5).all() and (low < np.array([picture.width, picture.height]) - 0.5).all()
    return None if inside else Reason.OUTSIDE


def identity(person: Person) -> bytes:
    """Equal for people of the same picture and the same box, which two people of one picture never share."""
    digest = hashlib.blake2b(str(person.image).encode(), digest_size=8)
    digest.update(np.array([*person.center, person.size], np.float32).tobytes())
    return digest.digest()
