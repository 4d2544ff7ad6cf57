"""Make the body and the data: `python prepare.py`; `--help` shows more."""

from pathlib import Path

import hydra
from omegaconf import DictConfig

from maflab.training.command import checked, friendly

CONF = Path(__file__).resolve().parent / "conf"


@friendly(CONF, "prepare")
@hydra.main(version_base="1.3", config_path="conf", config_name="prepare")
@checked(CONF, "prepare")
def main(config: DictConfig) -> None:
    """Makes what is missing."""
    if config["import"] or config.export:
        from maflab.training.published import convert

        convert(config)
        return
    from maflab.training.preparing import prepare

    prepare(config)


if __name__ == "__main__":
    main()
