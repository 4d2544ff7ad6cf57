"""Make the body and the data: `python prepare.py`; `--help` shows more. `... doctor` says what is there."""

import sys
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


@friendly(CONF, "doctor")
def report() -> None:
    """Says what is there, what is missing and how it is had: `python prepare.py doctor`."""
    from maflab.training.doctor import doctor

    doctor(CONF, sys.argv[2:])


if __name__ == "__main__":
    report() if sys.argv[1:2] == ["doctor"] else main()
