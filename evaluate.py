"""Evaluate a checkpoint or a fit: `python evaluate.py checkpoint=PATH`; `--help` shows more."""

from pathlib import Path

import hydra
from omegaconf import DictConfig

from maflab.training.command import checked, friendly

CONF = Path(__file__).resolve().parent / "conf"


@friendly(CONF, "evaluate")
@hydra.main(version_base="1.3", config_path="conf", config_name="evaluate")
@checked(CONF, "evaluate")
def main(config: DictConfig) -> None:
    """One evaluation."""
    from maflab.training.evaluation import evaluate

    evaluate(config)


if __name__ == "__main__":
    main()
