"""The parts of a protocol: shares of joints, bodies by gender, breakdown, declarations, published figures."""

import numpy as np
import pytest
import torch
from batches import labelled_batch

from maflab.body.arrays import BodyFileError
from maflab.body.gendered import GenderedBodies
from maflab.body.joints import H36M17, SPIN24
from maflab.body.load import load_body
from maflab.body.model import BodyModel
from maflab.data.protocol import MESH_METRICS, PROTOCOLS, Protocol, label_places, protocol
from maflab.metrics.breakdown import breakdown
from maflab.metrics.estimates import IterationErrors
from maflab.metrics.functional import auc, pck_3d
from maflab.metrics.published import published
from maflab.structures import Estimate


def test_shares_of_joints_counted_by_hand() -> None:
    errors = torch.tensor([[0.0, 4.9, 149.9], [150.0, 300.0, 72.0]])
    assert pck_3d(errors) == pytest.approx(100 * 4 / 6)
    # Thresholds 0, 5, ... 150: 0.0 is below 30 of 31, 4.9 below 30, 149.9 below one, 72 below those from 75 on, 16.
    assert auc(errors) == pytest.approx(100 * (30 + 30 + 1 + 16) / (6 * 31))


def test_each_gender_has_its_body() -> None:
    bodies = {name: load_body("tiny", "none") for name in ("neutral", "male", "female")}
    for number, body in enumerate(bodies.values()):
        body.name = "smpl"
        body.template = body.template * (1 + 0.1 * number)
    gendered = GenderedBodies(bodies["neutral"], bodies.__getitem__)
    batch = labelled_batch(bodies["neutral"], 5)
    posed = gendered.pose(batch.rotations, batch.betas, torch.tensor([1, -1, 0, 1, 7]))
    for row, name in enumerate(("female", "neutral", "male", "female", "neutral")):
        alone = bodies[name](batch.rotations[row : row + 1], batch.betas[row : row + 1])
        torch.testing.assert_close(posed.vertices[row], alone.vertices[0])
        torch.testing.assert_close(posed.joints[row], alone.joints[0])


def test_bodies_without_gender_are_refused(tiny_body: BodyModel) -> None:
    with pytest.raises(BodyFileError, match="body=tiny has only a neutral one"):
        GenderedBodies(tiny_body, lambda gender: tiny_body)


def test_an_unlabelled_joint_leaves_the_person_out(tiny_body: BodyModel) -> None:
    batch = labelled_batch(tiny_body, 4)
    batch.joints_3d[1, SPIN24.index("LKnee"), 3] = 0
    batch.joints_3d[2, SPIN24.index("LEar"), 3] = 0  # not among the 14
    batch = batch._replace(has_joints_3d=torch.tensor([1.0, 1, 1, 0]))
    keypoints = torch.zeros(4, 49, 2)
    estimate = Estimate(batch.rotations, batch.betas, torch.ones(4, 3), batch.joints_3d, batch.joints_3d, keypoints)
    errors = IterationErrors(tiny_body, 0, PROTOCOLS["h36m_p2"])
    errors.update([estimate], batch._replace(has_pose=torch.zeros(4)))
    assert np.isfinite(errors.samples()["mpjpe"][0]).tolist() == [True, False, True, False]
    assert list(errors.compute()["iter0"]) == ["mpjpe", "pa_mpjpe"]  # nobody has a mesh


def test_breakdown_of_known_errors() -> None:
    each = np.array([[[1.0, 3], [5, 7], [np.nan, np.nan], [9, 11]]], np.float32)
    samples = {"mpjpe": each.mean(-1), "joint_errors": each}
    two = Protocol("two", joints=type(H36M17)("two", H36M17.names[:2]), metrics=("mpjpe",))
    parts = breakdown(two, samples, np.array([1, 0, 0, 1]), ["a", "b"])
    assert parts.sequences == {"a": {"samples": 1, "mpjpe": 6}, "b": {"samples": 2, "mpjpe": 6}}
    assert parts.joints == {"Pelvis": {"samples": 3, "mpjpe": 5}, "LHip": {"samples": 3, "mpjpe": 7}}


def test_index_lists_of_the_field() -> None:
    """J24_TO_J14 and J24_TO_J17, as published."""
    assert label_places(PROTOCOLS["h36m_p1"]) == [*range(13), 18]
    assert label_places(PROTOCOLS["mpi_inf_3dhp"]) == [*range(13), 18, 14, 16, 17]


def test_declarations_are_consistent() -> None:
    for name, one in PROTOCOLS.items():
        assert one == protocol(name, annotations="x" if name == "coco" else None) or name == "coco"
        assert one.truth == "mesh" or not one.gendered
        assert (one.root == "hips") == (not one.regressed and one.truth == "mesh")
        assert set(one.metrics) & {*MESH_METRICS, "pck_150", "ap"}


def test_published_figures_belong_to_one_set() -> None:
    assert {name for name, one in PROTOCOLS.items() if published(one)} == {"threedpw", "h36m_p1", "h36m_p2"}
    assert all("protocol not named" in method for method in published(PROTOCOLS["h36m_p2"]))
    for name in ("threedpw", "h36m_p1", "h36m_p2"):
        columns = {*PROTOCOLS[name].metrics, "pve_printed"}
        assert all(set(row) <= columns for row in published(PROTOCOLS[name]).values())
    assert published(protocol("threedpw", gendered=False)) == {}
