"""The settings that `python train.py` would run with, for benchmarks of the real thing."""

from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

ROOT = Path(__file__).resolve().parents[1]


def composed(*overrides: str) -> DictConfig:
    """`conf/train.yaml` with overrides; `paths.output` must be among them where anything is written."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("train", overrides=list(overrides))


def replaced(defaults: list[str], overrides: list[str]) -> list[str]:
    """Defaults and overrides as one list that sets nothing twice, which `train.py` would refuse."""
    given = {override.partition("=")[0] for override in overrides}
    return [default for default in defaults if default.partition("=")[0] not in given] + overrides
