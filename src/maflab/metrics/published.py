"""Figures of papers, for the sets they belong to: to stand beside ours, never among them."""

from maflab.data.protocol import Protocol

Rows = dict[str, dict[str, float]]

_HUMAN36M: Rows = {
    "SPIN, protocol not named": {"mpjpe": 62.5, "pa_mpjpe": 41.1},
    "PyMAF, protocol not named": {"mpjpe": 57.7, "pa_mpjpe": 40.5},
}
"""The tables that print these figures side by side do not say of which protocol they are."""

_PUBLISHED: dict[str, Rows] = {
    "3DPW": {
        "HMR": {"mpjpe": 130.0, "pa_mpjpe": 76.7},
        "SPIN": {"mpjpe": 96.9, "pa_mpjpe": 59.2, "pve_unaligned": 116.4},
        "PyMAF": {"mpjpe": 92.8, "pa_mpjpe": 58.9, "pve_unaligned": 110.1},
        "PARE": {"mpjpe": 82.0, "pa_mpjpe": 50.9, "pve_printed": 97.9},
        "CLIFF-HR48": {"mpjpe": 69.0, "pa_mpjpe": 43.0, "pve_printed": 81.2},
        "HMR2.0a": {"mpjpe": 69.8, "pa_mpjpe": 44.4, "pve_printed": 82.2},
    },
    "Human3.6M protocol 1": _HUMAN36M,
    "Human3.6M protocol 2": _HUMAN36M,
}
"""mm. `pve_printed`: the paper does not say whether roots were aligned. SPIN's and PyMAF's code does not align them.

Sources: Kanazawa et al., CVPR 2018 (HMR); Kolotouros et al., ICCV 2019 (SPIN); Zhang et al., ICCV 2021 (PyMAF); Kocabas
et al., ICCV 2021 (PARE); Li et al., ECCV 2022 (CLIFF); Goel et al., ICCV 2023 (HMR2.0).
"""


def published(protocol: Protocol) -> Rows:
    """Figures of papers by method; empty where none are known, or the protocol was changed."""
    return {} if protocol.adapted else {name: dict(row) for name, row in _PUBLISHED.get(protocol.name, {}).items()}
