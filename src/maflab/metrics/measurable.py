"""Can a pack be measured by a protocol? Asked before the work, answered in one sentence."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from maflab.body.joints import SPIN24
from maflab.body.model import BodyModel
from maflab.data.dataset import PackDataset
from maflab.data.pack_format import PackError
from maflab.data.protocol import Protocol, label_places
from maflab.metrics.coco import CocoPeople


class Counted(NamedTuple):
    """What of a pack a protocol can measure, (N,) bool each, in the order of the data set."""

    joints: NDArray[np.bool_]
    mesh: NDArray[np.bool_]


def counted(protocol: Protocol, dataset: PackDataset) -> Counted:
    """Which samples have the labels that the joint errors and the mesh errors need."""
    labels = {name: values[dataset.rows] for name, values in dataset.reader.labels.items()}
    mesh = (labels["has_pose"] > 0) & (labels["has_betas"] > 0)
    if protocol.truth == "mesh":
        return Counted(mesh, mesh)
    if protocol.truth == "keypoints":
        return Counted((labels["image_id"] >= 0) & (labels["source_crop"][:, 2] > 0), mesh)
    places = [*label_places(protocol), SPIN24.index("Pelvis")]
    whole = (labels["joints_3d"][:, places, 3] > 0).all(1)
    return Counted((labels["has_joints_3d"] > 0) & whole, mesh)


def check_measurable(protocol: Protocol, dataset: PackDataset, body: BodyModel) -> None:
    """Stop where a protocol cannot be followed on a pack.

    Args:
        protocol: how it would be measured.
        dataset: of the pack.
        body: of the estimates.

    Raises:
        PackError: the pack lacks the labels, or its labels are another body's.
    """
    path = dataset.reader.path
    having = counted(protocol, dataset)
    if not having.joints.any():
        raise PackError(f"{path} cannot be measured by the protocol {protocol.name}: {_lacking(protocol)}")
    if protocol.truth == "keypoints" and not having.joints.all():
        raise PackError(
            f"{path}: {int((~having.joints).sum())} of {len(dataset)} people have no image number or no place in "
            "their picture, and COCO's protocol needs all; make the pack again from person_keypoints_val2014.json"
        )
    made_for = str(dataset.reader.attributes["body"])
    if having.mesh.any() and protocol.truth != "keypoints" and made_for != body.name:
        raise PackError(
            f"The pose and shape labels of {path} are of body={made_for}, and the model's is body={body.name}, on "
            f"which they mean nothing; evaluate a model of body={made_for}"
        )
    genders = dataset.reader.labels["gender"][dataset.rows]
    if protocol.gendered and not np.isin(genders, (0, 1)).any():
        raise PackError(
            f"{path} does not say who is male and female, which the protocol {protocol.name} needs; make the pack from "
            "label files with genders, or set data.protocol.gendered=false, whose figures compare with none"
        )


def coco_people(dataset: PackDataset, rows: NDArray[np.int64]) -> CocoPeople:
    """The people in given rows of the pack."""
    labels = dataset.reader.labels
    return CocoPeople(*(labels[name][rows] for name in ("image_id", "center", "size", "source_crop")))


def _lacking(protocol: Protocol) -> str:
    if protocol.truth == "mesh":
        return "nobody in it has pose and shape labels; make the pack from label files that have them"
    if protocol.truth == "joints":
        return (
            f"nobody in it has labels of all {len(protocol.joints)} joints and the pelvis in 3D; "
            "make the pack from label files that have them (S of the .npz form)"
        )
    return "nobody in it has an image number and a place in the picture; make it from person_keypoints_val2014.json"
