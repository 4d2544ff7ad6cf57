"""The settings that `python train.py` would run with, for benchmarks of the real thing."""

from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

ROOT = Path(__file__).resolve().parents[1]


def composed(*overrides: str) -> DictConfig:
    """`conf/train.yaml` with overrides; `paths.output` must be among them where anything is written."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("train", overrides=list(overrides))
