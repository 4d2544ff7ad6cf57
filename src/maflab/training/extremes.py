"""The samples a model does best and worst on: their errors as a file, the ends of the list as pictures."""

from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import default_collate

from maflab.atomic import whole_file
from maflab.data.dataset import PackDataset
from maflab.models.recovery import MeshRecovery
from maflab.models.trainable import Samples
from maflab.structures import Batch
from maflab.training.build import Model
from maflab.training.panel import draw_panel, write_picture

RANKED_BY = "pa_mpjpe"


def write_samples(samples: Samples, folder: Path) -> None:
    """`samples.npz`: `index` (N,), rows of the pack, and an array (iterations + 1, N, ...) an error, in mm."""
    if samples:
        with whole_file(folder / "samples.npz") as partial:
            np.savez_compressed(partial, **samples)  # type: ignore[arg-type]


def draw_extremes(model: Model, dataset: Any, samples: Samples, folder: Path, count: int = 4) -> None:
    """`samples/worst_0.png` ... and `samples/best_0.png` ...: a row of the picture panel each.

    Args:
        model: in evaluation mode; one that estimates no body draws nothing.
        dataset: what was evaluated.
        samples: the errors; the last iteration's PA-MPJPE ranks them.
        folder: the run's.
        count: pictures of either kind.
    """
    if RANKED_BY not in samples or not isinstance(model, MeshRecovery) or not isinstance(dataset, PackDataset):
        return
    error = samples[RANKED_BY][-1]
    ranked = np.argsort(error)[: int(np.isfinite(error).sum())]  # NaN, which is last, ranks nowhere
    item_of = {int(row): item for item, row in enumerate(dataset.rows)}
    for kind, chosen in (("best", ranked[:count]), ("worst", ranked[::-1][:count])):
        for place, sample in enumerate(chosen):
            one = default_collate([dataset[item_of[int(samples["index"][sample])]]])
            batch = Batch(*(field.to(model.device) for field in one))
            write_picture(folder / "samples" / f"{kind}_{place}.png", draw_panel(model, batch))
