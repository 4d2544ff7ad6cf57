"""Less noise on the console."""

import logging
import warnings

from maflab.training.sweeping import is_first_rank


def quieten() -> None:
    """Lightning's announcements, and its advice that does not apply here."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # its import has set it to INFO
    if not is_first_rank():  # it speaks for all
        logging.getLogger("maflab").setLevel(logging.WARNING)
    for message in (
        ".*does not have many workers.*",  # packs decode fast without
        ".*directory.*exists and is not empty.*",  # the run's folder holds more than one thing
        ".*isinstance.treespec, LeafSpec.*",
        ".*number of training batches.*is smaller than the logging interval.*",
        ".*dataloader is not resumable.*",  # `continue_epoch` sees to it
        ".*srun. command is available.*",  # a machine may have SLURM and a run no need of it
        ".*in eval mode at the start of training.*",  # what encoder.frozen keeps as it is
        ".*sync_dist=True.*",  # the metrics have reduced over the processes themselves
    ):
        warnings.filterwarnings("ignore", message=message)
