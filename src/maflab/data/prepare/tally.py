"""What went into a pack, what did not and why, counted while it is written."""

import random
from array import array
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

EXAMPLES = 5
SHEET = 24


class LeftOut(NamedTuple):
    """A person who is not in the pack."""

    reason: str
    row: int  # in the order of the labels
    image: str
    detail: str = ""  # what is wrong, where the reason does not say it all

    def place(self) -> str:
        """Where it stands, and what is wrong there."""
        return f"row {self.row}, {self.image}" + (f": {self.detail}" if self.detail else "")


class Tally:
    """Counts in memory that grows by a few bytes a person.

    Attributes:
        kept: people in the pack.
        left_out: people by reason; examples: the first few of each.
        labelled: people by label that they have.
        genders: people by gender.
        sequences: names of the sequences.
        sample: a few records, each as likely as another, for the sheet.
    """

    def __init__(self) -> None:
        self.kept = 0
        self.left_out: Counter[str] = Counter()
        self.examples: dict[str, list[LeftOut]] = {}
        self.labelled: Counter[str] = Counter()
        self.genders: Counter[str] = Counter()
        self.sequences: set[str] = set()
        self.sample: list[tuple[int, dict[str, Any]]] = []
        self.bytes = 0
        self._box_sides = array("f")
        self._sides: list[float] = []  # least and greatest width and height of the source pictures
        self._rng = random.Random(0)

    def leave_out(self, people: Iterable[LeftOut]) -> None:
        """Counts people who are not in the pack."""
        for one in people:
            self.left_out[one.reason] += 1
            examples = self.examples.setdefault(one.reason, [])
            if len(examples) < EXAMPLES:
                examples.append(one)

    def keep(self, record: dict[str, Any]) -> None:
        """Counts a record, as `PackWriter.append` takes it."""
        self._take_sample(record)
        self.kept += 1
        self.bytes += len(record["jpeg"])
        confident = record["keypoints_2d"][:, 2] > 0
        present = {
            "2D key points, detected (OpenPose's 25)": confident[:25].any(),
            "2D key points, labelled (SPIN's 24)": confident[25:].any(),
            "3D joints": record["has_joints_3d"],
            "pose": record["has_pose"],
            "betas": record["has_betas"],
            "gender": record["gender"] >= 0,
            "camera": record["camera"][0] > 0,
            "focal length": record["focal"] > 0,
            "sequence": bool(record["sequence"]),
            "annotation number": record["annotation"] >= 0,
            "picture number": record["image_id"] >= 0,
        }
        self.labelled.update({label: int(there) for label, there in present.items()})
        self.genders[{0: "male", 1: "female"}.get(int(record["gender"]), "unknown")] += 1
        if record["sequence"]:
            self.sequences.add(str(record["sequence"]))
        self._box_sides.append(float(record["size"] / record["source_crop"][2]))
        sides = [float(side) for side in record["source_size"]]
        self._sides = [min(self._sides + sides), max(self._sides + sides)]

    @property
    def people(self) -> int:
        """All that the labels hold."""
        return self.kept + self.left_out.total()

    def box_sides(self) -> dict[str, float]:
        """Least, median and greatest side of the boxes, in pixels of the source pictures."""
        ordered = sorted(self._box_sides)
        return {
            "least": round(ordered[0], 1),
            "median": round(ordered[len(ordered) // 2], 1),
            "greatest": round(ordered[-1], 1),
        }

    def picture_sides(self) -> dict[str, int]:
        """Least and greatest width or height of a source picture, in pixels."""
        return {"least": int(self._sides[0]), "greatest": int(self._sides[1])}

    def sentence(self) -> str:
        """Who is left out, in one line."""
        return "; ".join(
            f"{count:,} {reason} (e.g. {self.examples[reason][0].place()})"
            for reason, count in self.left_out.most_common()
        )

    def _take_sample(self, record: dict[str, Any]) -> None:
        """Reservoir sampling: place k of the sample is overwritten with the chance that keeps all equally likely."""
        entry = (self.kept, dict(record))
        if len(self.sample) < SHEET:
            self.sample.append(entry)
        elif (place := self._rng.randrange(self.kept + 1)) < SHEET:
            self.sample[place] = entry
