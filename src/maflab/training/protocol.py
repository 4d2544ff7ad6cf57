"""Evaluation follows the protocol of its data, and the protocol card says everything that a figure depends on."""

import hashlib
import logging
from typing import Any

import numpy as np
import pytorch_lightning as pl
from omegaconf import DictConfig

from maflab.body.gendered import GENDERS
from maflab.body.model import BodyModel
from maflab.data.dataset import PackDataset
from maflab.data.pack_format import ABSENT, SINCE_VERSION_2
from maflab.data.protocol import DEFAULT, Protocol
from maflab.data.synthetic.generate import body_digest
from maflab.geometry.cameras import CROP_PIXELS
from maflab.metrics.coco import coco_judge
from maflab.metrics.estimates import PCK_THRESHOLD, IterationErrors
from maflab.metrics.measurable import check_measurable, coco_people, counted
from maflab.models.trainable import Rows, Samples
from maflab.training.build import build_metrics
from maflab.training.errors import OverrideError

log = logging.getLogger(__name__)

Card = dict[str, str | int | float]

_PCK = f"2D, labelled key points within {PCK_THRESHOLD / 2:.0%} of the crop's side"
_MEASURES = {
    "mpjpe": "root-aligned, mm",
    "pa_mpjpe": "similarity per sample, mm",
    "pve": "root-aligned, mm",
    "pve_unaligned": "as the body models give it, roots not aligned, mm",
    "mve": "root-aligned, mm",
    "pck_150": "3D, root-aligned joints less than 150 mm off",
    "auc": "mean PCK of the 31 thresholds 0, 5, ... 150 mm",
    "ap": "object keypoint similarity, mean over 0.50, 0.55, ... 0.95 (pycocotools)",
    "pck": _PCK,
}
_TRUTHS = {
    "mesh": "meshes of the labelled pose and shape",
    "joints": "labelled 3D joints; meshes of the labelled pose and shape for vertex errors",
    "keypoints": "labelled 2D key points",
}


def protocol_of(datamodule: pl.LightningDataModule) -> Protocol:
    """How the data of a module are measured."""
    return getattr(datamodule, "protocol", None) or DEFAULT


def follow_protocol(model: Any, config: DictConfig, body: BodyModel, datamodule: pl.LightningDataModule) -> None:
    """Give a model the metrics of its data's protocol, in place.

    Args:
        model: a `Trainable`.
        config: its `body` says where male and female bodies lie.
        body: of the estimates.
        datamodule: whose protocol it is.

    Raises:
        BodyFileError: the protocol compares with bodies that are not there.
        OverrideError: the model estimates no body.
    """
    protocol = protocol_of(datamodule)
    if protocol == DEFAULT:
        return
    if not isinstance(model.metrics, IterationErrors):
        raise OverrideError(f"The protocol {protocol.name} measures bodies, and this model estimates none; choose data")
    model.metrics = build_metrics(config, body, len(model.metrics) - 1, protocol, type(model.metrics))


def check_protocol(protocol: Protocol, dataset: Any, model: Any) -> None:
    """Stop before the work where a published protocol cannot be followed.

    Args:
        protocol: of the data.
        dataset: what is evaluated.
        model: with its `body`.

    Raises:
        PackError: labels that the protocol needs are missing, or are another body's.
    """
    if protocol == DEFAULT or not isinstance(dataset, PackDataset):
        return
    check_measurable(protocol, dataset, model.body)
    if protocol.truth == "keypoints" and protocol.annotations is not None:
        images = dataset.reader.labels["image_id"][dataset.rows]
        coco_judge(protocol.annotations).check(images, dataset.reader.path)


def judged(protocol: Protocol, table: Rows, samples: Samples, dataset: Any) -> Rows:
    """The table with COCO's columns in front, where the protocol has them."""
    if protocol.truth != "keypoints" or protocol.annotations is None:
        return table
    judge = coco_judge(protocol.annotations)
    people = coco_people(dataset, samples["index"])
    missed = judge.labelled(people.image_ids) - len(people.image_ids)
    if missed > 0:
        log.warning("%d labelled people of these pictures are not evaluated and count as missed", missed)
    rows = zip(table.items(), samples["keypoints"], strict=True)
    return {row: judge.judge(keypoints, people) | values for (row, values), keypoints in rows}


def protocol_card(config: DictConfig, dataset: Any, split: str, protocol: Protocol = DEFAULT, body: Any = None) -> Card:
    """Names the data and the measure. Figures compare where cards agree.

    Args:
        config: its `body` and `data` are read.
        dataset: what was evaluated.
        split: its name.
        protocol: how it was measured.
        body: the body model of the estimates; None: only named, not fingerprinted.

    Returns:
        A flat dictionary; for data that are no pack only the lines that hold for any.
    """
    card: Card = {
        "split": split,
        "samples": len(dataset),
        "body": str(config.body.name),
        "gender": str(config.body.get("gender", "neutral")),
        "resolution": int(config.data.resolution or CROP_PIXELS),
        "joints": _joints(protocol),
        "root": _root(protocol),
        **{name: text for name, text in _MEASURES.items() if name in protocol.metrics},
        "average": "over samples",
    }
    if not isinstance(dataset, PackDataset):
        return card
    attributes = dataset.reader.attributes
    card = {"data": str(attributes["name"]), "pack": _fingerprint(dataset), **card}
    if protocol == DEFAULT:
        return card
    if body is not None:
        card["body files"] = body_digest(body.arrays)[:12]
    return (
        {"protocol": protocol.name + (" (changed)" if protocol.adapted else "")} | card | _of_labels(protocol, dataset)
    )


def people_note(protocol: Protocol, card: Card) -> str | None:
    """A sentence where ours and the published figures are about different numbers of people."""
    measured = card.get("measured", card["samples"])
    if protocol.people in (None, measured):
        return None
    return f"these figures are of {measured} people, the published protocol is of {protocol.people}: not comparable"


def _of_labels(protocol: Protocol, dataset: PackDataset) -> Card:
    """What the pack says about the ground truth."""
    having = counted(protocol, dataset)
    card: Card = {"ground truth": _TRUTHS[protocol.truth], "measured": int(having.joints.sum())}
    if protocol.people is not None:
        card["published for"] = f"{protocol.people} people"
    if protocol.truth == "joints":
        card["measured meshes"] = int(having.mesh.sum())
    if protocol.gendered:
        genders = dataset.reader.labels["gender"][dataset.rows]
        known = ", ".join(f"{int((genders == number).sum())} {name}" for number, name in GENDERS.items())
        unknown = int((~np.isin(genders, list(GENDERS))).sum())
        card["ground truth gender"] = f"{known}, {unknown} neutral"
    elif protocol.truth != "keypoints":
        card["ground truth gender"] = "the body of the estimates"
    if protocol.annotations is not None:
        judge = coco_judge(protocol.annotations)
        card["annotations"] = f"{protocol.annotations.name}, {judge.people} people with key points"
    return card | dict(protocol.notes)


def _joints(protocol: Protocol) -> str:
    name = protocol.joints.name
    if protocol.truth == "keypoints":
        return f"{name}, projected"
    source = f"{name} by the body's Human3.6M regressor" if protocol.regressed else f"{name}, the body's own joints"
    return source + (" (estimates) and by name (labels)" if protocol.truth == "joints" else "")


def _root(protocol: Protocol) -> str:
    if protocol.truth == "keypoints":
        return "none"
    return "Human3.6M pelvis" if protocol.root == "pelvis" else "middle of the body's own hips"


def _fingerprint(dataset: PackDataset) -> str:
    """Short name of the labels that were compared with: the same samples in the same order, whatever the file."""
    digest = hashlib.sha256()
    for name, values in sorted(dataset.reader.labels.items()):
        if name in SINCE_VERSION_2 and (values[dataset.rows] == ABSENT.get(name, 0)).all():
            continue  # so that a pack has one name, whether its format knew the label or not
        digest.update(name.encode())
        digest.update(values[dataset.rows].tobytes())
    return digest.hexdigest()[:12]
