"""Recordings in the formats that other programs open: npz, JSON, glTF, BVH, OBJ, PLY and USD."""

from maflab.export.errors import ExportError
from maflab.export.export import FORMATS, check_formats, export_recording
from maflab.export.options import ExportOptions

__all__ = ["FORMATS", "ExportError", "ExportOptions", "check_formats", "export_recording"]
