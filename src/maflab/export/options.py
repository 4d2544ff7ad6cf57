"""What can be chosen about exports."""

from typing import NamedTuple

from maflab.export.errors import ExportError

UNITS = {"m": 1.0, "cm": 100.0}


class ExportOptions(NamedTuple):
    """Settings of the formats that have some.

    Args:
        stride: of mesh sequences: every how manyth frame of the clip gets a mesh, counted from its first.
        bvh_unit: of lengths in BVH files, which cannot say it: `m` or `cm`.
    """

    stride: int = 1
    bvh_unit: str = "m"

    def checked(self) -> "ExportOptions":
        """Itself. Raises ExportError for a stride below 1 or another unit."""
        if self.stride < 1:
            raise ExportError(f"the stride of mesh sequences must be 1 or more, it is {self.stride}")
        if self.bvh_unit not in UNITS:
            raise ExportError(f"the unit of BVH files is m or cm, not {self.bvh_unit!r}")
        return self
