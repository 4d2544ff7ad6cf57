"""How people measure on a data set: which joints, against which labels, about which root, by which measures.

A protocol belongs to a data set as its labels do. What it asks for is computed in `maflab.metrics`.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from maflab.body.joints import COCO17, H36M17, J17, LSP14, SMPL24, SPIN24, JointSet

Truth = Literal["mesh", "joints", "keypoints"]

COCO_METRICS = ("ap", "ap_50", "ap_75", "ap_m", "ap_l", "ar")
MESH_METRICS = ("pve", "pve_unaligned", "mve")
MILLIMETRES = ("mpjpe", "pa_mpjpe", *MESH_METRICS)


@dataclass(frozen=True)
class Protocol:
    """What is compared with what.

    Attributes:
        name: as the field calls it.
        truth: `mesh`: joints of the labelled mesh; `joints`: labelled 3D joints; `keypoints`: labelled 2D key points.
        joints: what is compared. SMPL24 are the body's own joints; others are regressed from the mesh by the body's
            Human3.6M regressor, and labels are taken by name.
        root: `pelvis` (the first joint of the regressor, or of the tree) or `hips`, the middle between both hips of
            the tree; it is brought to the origin.
        metrics: columns of the table.
        gendered: labelled meshes are male and female ones where the label says so; estimates are neutral.
        people: how many the published figures are about; None: no fixed number.
        annotations: the file that COCO's key points are judged by.
        notes: what else a figure depends on, by name, for the protocol card.
        adapted: changed from what is published.
    """

    name: str
    truth: Truth = "mesh"
    joints: JointSet = LSP14
    root: Literal["pelvis", "hips"] = "pelvis"
    metrics: tuple[str, ...] = ("mpjpe", "pa_mpjpe", "pve", "pck")
    gendered: bool = False
    people: int | None = None
    annotations: Path | None = None
    notes: tuple[tuple[str, str], ...] = ()
    adapted: bool = False

    @property
    def regressed(self) -> bool:
        """Whether the joints come from the mesh by the Human3.6M regressor."""
        return set(self.joints.names) <= set(H36M17.names)

    @property
    def optional(self) -> tuple[str, ...]:
        """Columns that are left out where no sample is labelled with a mesh."""
        return MESH_METRICS if self.truth == "joints" else ()


DEFAULT = Protocol("default")
"""What training is watched by: LSP's 14 joints of the labelled mesh, on any body."""

PROTOCOLS = {
    "threedpw": Protocol(
        "3DPW",
        metrics=("mpjpe", "pa_mpjpe", "pve", "pve_unaligned"),
        gendered=True,
        people=35515,
        notes=(("frames", "test sequences, frames with campose_valid"),),
    ),
    "h36m_p1": Protocol(
        "Human3.6M protocol 1",
        truth="joints",
        metrics=("mpjpe", "pa_mpjpe", "pve", "pve_unaligned"),
        people=109867,
        notes=(("frames", "S9 and S11, every 5th frame, all cameras"),),
    ),
    "h36m_p2": Protocol(
        "Human3.6M protocol 2",
        truth="joints",
        metrics=("mpjpe", "pa_mpjpe", "pve", "pve_unaligned"),
        people=27558,
        notes=(("frames", "S9 and S11, every 5th frame, camera 60457274"),),
    ),
    "h36m_mosh": Protocol(
        "Human3.6M protocol 2 with MoSh",
        truth="joints",
        metrics=("mpjpe", "pa_mpjpe", "pve", "pve_unaligned"),
        people=26859,
        notes=(("frames", "S9 and S11, every 5th frame, camera 60457274, as far as MoSh has labels"),),
    ),
    "mpi_inf_3dhp": Protocol(
        "MPI-INF-3DHP",
        truth="joints",
        joints=J17,
        metrics=("mpjpe", "pa_mpjpe", "pck_150", "auc"),
        people=2929,
        notes=(("frames", "test set TS1 to TS6, labels univ_annot3"),),
    ),
    "coco": Protocol(
        "COCO",
        truth="keypoints",
        joints=COCO17,
        metrics=(*COCO_METRICS, "pck"),
        people=50197,
        notes=(
            ("boxes", "ground truth"),
            ("projection", "focal length 5000 px on the crop of 224 px, then un-cropped"),
            ("scores", "all 1, no non-maximum suppression"),
        ),
    ),
    "emdb": Protocol(
        "EMDB",
        joints=SMPL24,
        root="hips",
        metrics=("mpjpe", "pa_mpjpe", "mve"),
        gendered=True,
        notes=(("frames", "those the pack was made of (EMDB 1 or EMDB 2)"),),
    ),
    "agora": Protocol(
        "AGORA validation",
        joints=SMPL24,
        root="hips",
        metrics=("mpjpe", "pa_mpjpe", "mve"),
        notes=(
            ("detection", "ground-truth boxes: nobody is missed, F1 = 1, so NMJE = MPJPE and NMVE = MVE"),
            ("people", "valid adults; children's fits are not of SMPL's template"),
            ("vertices", "all of SMPL's; AGORA's own code takes a list of body vertices"),
        ),
    ),
}
"""By the name of the data set. Sources: the table of docs/protocols.md."""


def protocol(name: str, gendered: bool | None = None, annotations: str | Path | None = None) -> Protocol:
    """A protocol as it is published, or changed.

    Args:
        name: of `PROTOCOLS`.
        gendered: None: as published.
        annotations: COCO's `person_keypoints_val2014.json`.

    Raises:
        ValueError: there is no such protocol, or it has no use for a setting.
    """
    if name not in PROTOCOLS:
        raise ValueError(f"there is no protocol {name!r}; choose from {', '.join(PROTOCOLS)}")
    found = PROTOCOLS[name]
    if gendered and found.truth != "mesh":
        raise ValueError(f"protocol.gendered changes nothing: {found.name} does not compare with meshes")
    if (annotations is not None) != (name == "coco"):
        raise ValueError("protocol.annotations is the file that COCO's key points are judged by, and of no other use")
    gendered = found.gendered if gendered is None else gendered
    return replace(
        found,
        gendered=gendered,
        annotations=None if annotations is None else Path(annotations),
        adapted=gendered != found.gendered,
    )


def label_places(protocol: Protocol) -> list[int]:
    """Where among SPIN's 24 joints the protocol's labelled joints stand, in its order."""
    return SPIN24.map_to(protocol.joints)
