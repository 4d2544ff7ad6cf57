"""Learning-rate schedules that torch does not have in one piece."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def cosine_with_warmup(optimizer: Optimizer, total_steps: int, warmup: float = 0.05, final: float = 0.01) -> LambdaLR:
    """A linear warm-up from nearly zero, then half a cosine; stepped every training step.

    Args:
        optimizer: its learning rates are the peaks.
        total_steps: steps of the whole training.
        warmup: share of them spent warming up, in [0, 1).
        final: what the last step has of the peak.

    Raises:
        ValueError: a share outside its range.
    """
    if not 0 <= warmup < 1 or not 0 <= final <= 1:
        raise ValueError(f"scheduler.warmup must lie in [0, 1) and scheduler.final in [0, 1], not {warmup} and {final}")
    warm = round(warmup * total_steps)

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / (warm + 1)
        progress = min(1.0, (step - warm) / max(1, total_steps - 1 - warm))
        return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress))

    return LambdaLR(optimizer, factor)
