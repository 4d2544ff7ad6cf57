"""Torchvision's detectors: better than the built-in one, for weights that are downloaded or given as a file."""

from pathlib import Path

import numpy as np
import torch
import torchvision.models.detection as zoo
from numpy.typing import NDArray
from torchvision.models import get_model, get_model_weights, list_models

from maflab.inference.detections import Detections
from maflab.inference.errors import DetectorError
from maflab.inference.frames import Frame, Source

_PERSON = 1  # of COCO's categories, which all of them are trained on


class TorchvisionDetector:
    """Any of torchvision's detectors of COCO's categories; people are kept.

    Args:
        name: as torchvision calls it, for instance `fasterrcnn_mobilenet_v3_large_320_fpn` (quick) or
            `fasterrcnn_resnet50_fpn_v2` (good).
        weights: `hub`, torchvision's own, downloaded once into torch's cache; or a file with a state of the network.
        threshold: least score.
        interval: seconds between the frames it looks at; 0: every frame.
        device: `cpu`, `cuda` or `auto`.

    Raises:
        DetectorError: there is no such detector, or its weights cannot be had.
    """

    advice = "try a lower detector.threshold, another detector.name, or boxes of your own by detector=file"

    def __init__(
        self,
        name: str = "fasterrcnn_mobilenet_v3_large_320_fpn",
        weights: str = "hub",
        threshold: float = 0.6,
        interval: float = 0.1,
        device: str = "auto",
    ) -> None:
        if name not in list_models(module=zoo):
            raise DetectorError(f"torchvision has no detector {name!r}; there are {', '.join(list_models(module=zoo))}")
        self.interval, self.search = interval, 0.0
        self._threshold = threshold
        here = "cuda" if torch.cuda.is_available() else "cpu"
        self._device = torch.device(here if device == "auto" else device)
        self._network = _loaded(name, weights).eval().to(self._device)

    def check(self, source: Source) -> None:
        """Serves everything."""

    @torch.inference_mode()
    def detect(self, frame: Frame, near: NDArray[np.float32] | None = None, everywhere: bool = True) -> Detections:
        """The people of a frame."""
        image = torch.from_numpy(frame.image).to(self._device).permute(2, 0, 1).float() / 255
        found = self._network([image])[0]
        kept = (found["labels"] == _PERSON) & (found["scores"] >= self._threshold)
        boxes = found["boxes"][kept].cpu().numpy().astype(np.float32) - 0.5
        return Detections(boxes, found["scores"][kept].cpu().numpy().astype(np.float32))


def _loaded(name: str, weights: str) -> torch.nn.Module:
    if weights == "hub":
        try:
            return get_model(name, weights=get_model_weights(name).DEFAULT)
        except (OSError, RuntimeError) as error:
            raise DetectorError(
                f"The weights of {name} cannot be downloaded ({error}); fetch them elsewhere and give the file as "
                "detector.weights=PATH, or use detector=opencv"
            ) from error
    if not Path(weights).is_file():
        raise DetectorError(f"detector.weights={weights}: there is no such file; `hub` downloads torchvision's own")
    network = get_model(name, weights=None, weights_backbone=None)
    try:
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except Exception as error:  # torch raises many kinds for a file that is damaged or of another network
        reason = str(error).split("\n")[0]
        raise DetectorError(f"{weights} does not fit {name} ({reason}); give the weights of that detector") from error
    return network
