"""Body models in the SMPL form: where they come from, how they are posed, and the joint sets they answer in."""

from maflab.body.arrays import BodyArrays, BodyFileError
from maflab.body.joints import JointSet
from maflab.body.load import load_body
from maflab.body.model import BodyModel, BodyOutput
from maflab.body.subset import FoldedBody

__all__ = [
    "BodyArrays",
    "BodyFileError",
    "BodyModel",
    "BodyOutput",
    "FoldedBody",
    "JointSet",
    "load_body",
]
