"""From label files and picture folders to packs of person crops, with a summary of what came of it."""

from maflab.data.prepare.convert import convert
from maflab.data.prepare.crop import CropSettings
from maflab.data.prepare.labelled_set import LabelledSet
from maflab.data.prepare.sheet import Painter
from maflab.data.prepare.summary import summarise, summary_path, summary_table, write_summary

__all__ = [
    "CropSettings", "LabelledSet", "Painter", "convert", "summarise", "summary_path", "summary_table", "write_summary"
]  # fmt: skip
