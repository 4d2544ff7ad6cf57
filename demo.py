"""From a clip to animated bodies: `python demo.py input=clip.mp4`; `--help` shows more."""

from pathlib import Path

import hydra
from omegaconf import DictConfig

from maflab.training.command import checked, friendly

CONF = Path(__file__).resolve().parent / "conf"


@friendly(CONF, "demo")
@hydra.main(version_base="1.3", config_path="conf", config_name="demo")
@checked(CONF, "demo")
def main(config: DictConfig) -> None:
    """One clip."""
    from maflab.training.demo import demo

    result = demo(config)
    if config.viewer:
        from maflab.viewer import serve

        serve(result.folder, port=config.port, body=result.body)


if __name__ == "__main__":
    main()
