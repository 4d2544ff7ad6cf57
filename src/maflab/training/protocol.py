"""The protocol card: everything that a figure depends on besides the model."""

import hashlib
from typing import Any

from omegaconf import DictConfig

from maflab.data.dataset import PackDataset
from maflab.metrics.estimates import PCK_THRESHOLD

Card = dict[str, str | int | float]


def protocol_card(config: DictConfig, dataset: Any, split: str) -> Card:
    """Names the data and the measure. Figures compare where cards agree.

    Args:
        config: its `body` and `data` are read.
        dataset: what was evaluated.
        split: its name.

    Returns:
        A flat dictionary; for data that are no pack only the lines that hold for any.
    """
    card: Card = {
        "split": split,
        "samples": len(dataset),
        "body": str(config.body.name),
        "gender": str(config.body.get("gender", "neutral")),
        "resolution": int(config.data.resolution),
        "joints": "LSP14 by the body's Human3.6M regressor",
        "root": "Human3.6M pelvis",
        "mpjpe": "root-aligned, mm",
        "pa_mpjpe": "similarity per sample, mm",
        "pve": "root-aligned, mm",
        "pck": f"2D, labelled key points within {PCK_THRESHOLD / 2:.0%} of the crop's side",
        "average": "over samples",
    }
    if isinstance(dataset, PackDataset):
        attributes = dataset.reader.attributes
        return {"data": str(attributes["name"]), "pack": _fingerprint(dataset), **card}
    return card


def _fingerprint(dataset: PackDataset) -> str:
    """Short name of the labels that were compared with: the same samples in the same order, whatever the file."""
    digest = hashlib.sha256()
    for name, values in sorted(dataset.reader.labels.items()):
        digest.update(name.encode())
        digest.update(values[dataset.rows].tobytes())
    return digest.hexdigest()[:12]
