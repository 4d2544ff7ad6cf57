"""Where an error comes from: by sequence and by joint."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from maflab.data.protocol import MILLIMETRES, Protocol
from maflab.metrics.functional import auc, pck_3d

Line = dict[str, float]


class Breakdown(NamedTuple):
    """Errors of the last estimate, in mm and percent; `samples` of each line are those that are labelled."""

    sequences: dict[str, Line]  # by name, in order
    joints: dict[str, Line]  # by name, in the protocol's order; empty where no joint errors are measured


def breakdown(
    protocol: Protocol, samples: dict[str, NDArray[Any]], sequence: NDArray[np.integer], names: list[str]
) -> Breakdown:
    """Break the errors of an evaluation down.

    Args:
        protocol: how they were measured.
        samples: `IterationErrors.samples()`.
        sequence: (N,) for each sample the number of its sequence. names: of the sequences.
    """
    errors = {name: samples[name][-1].astype(np.float64) for name in MILLIMETRES if name in samples}
    each = samples["joint_errors"][-1].astype(np.float64) if "joint_errors" in samples else None
    lines = {}
    for number in np.unique(sequence) if errors else ():
        rows = sequence == number
        known = rows & np.isfinite(errors["mpjpe"])
        if known.any():
            lines[names[number]] = _line(protocol, {k: v[rows] for k, v in errors.items()}, _of(each, known))
    if each is None:
        return Breakdown(lines, {})
    known = np.isfinite(errors["mpjpe"])
    joints = {
        name: {"samples": int(known.sum()), "mpjpe": float(each[known, place].mean())}
        | _shares(protocol, each[known, place])
        for place, name in enumerate(protocol.joints.names)
        if known.any()
    }
    return Breakdown(lines, joints)


def _of(each: NDArray[np.float64] | None, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.empty((0, 0)) if each is None else each[rows]


def _line(protocol: Protocol, errors: dict[str, NDArray[np.float64]], each: NDArray[np.float64]) -> Line:
    means = {name: float(np.nanmean(v)) for name, v in errors.items() if np.isfinite(v).any()}
    return {"samples": len(each)} | means | _shares(protocol, each)


def _shares(protocol: Protocol, errors: NDArray[np.float64]) -> Line:
    if "auc" not in protocol.metrics:
        return {}
    return {"pck_150": float(pck_3d(torch.from_numpy(errors))), "auc": float(auc(torch.from_numpy(errors)))}
