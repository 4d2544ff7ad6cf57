"""From label files and picture folders to packs of person crops, with a summary of what came of it."""

from maflab.data.prepare.convert import convert
from maflab.data.prepare.crop import CropSettings
from maflab.data.prepare.labelled_set import LabelledSet

__all__ = ["CropSettings", "LabelledSet", "convert"]
