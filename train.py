"""Train a model: `python train.py +experiment=maf_3iter`; `--help` shows more."""

from pathlib import Path

import hydra
from omegaconf import DictConfig

from maflab.training.command import checked, friendly

CONF = Path(__file__).resolve().parent / "conf"


@friendly(CONF, "train")
@hydra.main(version_base="1.3", config_path="conf", config_name="train")
@checked(CONF, "train")
def main(config: DictConfig) -> None:
    """One run."""
    from maflab.training.run import train

    train(config)


if __name__ == "__main__":
    main()
