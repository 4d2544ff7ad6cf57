"""What came of preparing a set: a JSON file for programs, a table and a contact sheet for people."""

import json
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from maflab.atomic import whole_file
from maflab.data.prepare.labelled_set import LabelledSet
from maflab.data.prepare.sheet import Painter
from maflab.data.prepare.tally import LeftOut, Tally

Summary = dict[str, Any]


def summary_path(pack: Path) -> Path:
    """Beside the pack: `<split>.summary.json`; the table and the sheet have the same stem."""
    return pack.with_name(f"{pack.stem}.summary.json")


def summarise(pack: Path, labelled: LabelledSet, tally: Tally, seconds: float, painter: Painter) -> Summary:
    """JSON values.

    Args:
        pack: its file.
        labelled, tally: what it was made of and what came in.
        seconds: that it took.
        painter: of the sheet, which it has drawn.
    """
    return {
        "pack": str(pack),
        "set": labelled.set,
        "split": labelled.split,
        "licence": labelled.licence,
        "labels": str(labelled.labels),
        "images": None if labelled.images is None else str(labelled.images),
        "body": labelled.body,
        "people_in_labels": tally.people,
        "people_in_pack": tally.kept,
        "left_out": {
            reason: {"count": count, "examples": [one._asdict() for one in tally.examples[reason]]}
            for reason, count in tally.left_out.most_common()
        },
        "people_with": dict(tally.labelled),
        "gender": dict(tally.genders),
        "sequences": len(tally.sequences),
        "box_side_pixels": tally.box_sides(),
        "picture_side_pixels": tally.picture_sides(),
        "picture_megabytes": round(tally.bytes / 1e6, 3),
        "sheet_body": None if painter.body is None else painter.body.name,
        "sheet_misfit": round(median(painter.misfits), 4) if painter.misfits else None,
        "seconds": round(seconds, 1),
        "people_per_second": round(tally.people / max(seconds, 1e-3), 1),
    }


def write_summary(pack: Path, summary: Summary, sheet: NDArray[np.uint8]) -> None:
    """`<split>.summary.json`, `<split>.summary.txt` and `<split>.sheet.jpg` beside the pack."""
    with whole_file(summary_path(pack)) as partial:
        partial.write_text(json.dumps(summary, indent=2) + "\n")
    with whole_file(pack.with_name(f"{pack.stem}.summary.txt")) as partial:
        partial.write_text(summary_table(summary))
    with whole_file(pack.with_name(f"{pack.stem}.sheet.jpg")) as partial:
        cv2.imwrite(str(partial), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])


def summary_table(summary: Mapping[str, Any]) -> str:
    """The summary as text."""
    kept = summary["people_in_pack"]
    table = Table(
        title=f"{summary['set']} {summary['split']}: {kept:,} of {summary['people_in_labels']:,} people",
        title_justify="left",
    )
    table.add_column("")
    table.add_column("people", justify="right")
    table.add_column("")
    for label, count in summary["people_with"].items():
        table.add_row(label, f"{count:,}", f"{100 * count / kept:.1f}%")
    table.add_section()
    for reason, entry in summary["left_out"].items():
        example = LeftOut(**entry["examples"][0])
        table.add_row(f"left out: {reason}", f"{entry['count']:,}", f"e.g. {example.place()}")
    if not summary["left_out"]:
        table.add_row("left out", "0", "")
    table.add_section()
    boxes, pictures = summary["box_side_pixels"], summary["picture_side_pixels"]
    table.add_row("sequences", f"{summary['sequences']:,}", "")
    table.add_row("box side", "", f"{boxes['least']} to {boxes['greatest']} pixels, median {boxes['median']}")
    table.add_row("pictures", "", f"sides of {pictures['least']} to {pictures['greatest']} pixels")
    if summary["sheet_misfit"] is not None:
        misfit = (
            f"{100 * summary['sheet_misfit']:.1f}% of the box's side, median of the sheet ({summary['sheet_body']})"
        )
        table.add_row("mesh off its key points", "", misfit)
    text = StringIO()
    Console(file=text, width=120, soft_wrap=True).print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"
