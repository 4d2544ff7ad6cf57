"""Fitting of pose, shape and camera to 2D key points, many pictures at once, each on its own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import torch
from torch import Tensor, nn

from maflab.body.model import BodyModel
from maflab.fitting.energy import Energy, Origin, Unknowns, origin_of, unmoved
from maflab.fitting.facing import facings, torso_keypoints
from maflab.fitting.priors import PosePrior
from maflab.structures import Estimate

_LAST_RATE = 0.1
"""Of the learning rate, what is left at the end of a stage."""


class Fitter(nn.Module):
    """SMPLify-style fitting: a method of its own (`fit`), and a refinement of an estimate (`refine`).

    The samples of a batch do not influence each other, every random choice is absent, and all is done in float32;
    on a GPU sums may be taken in another order from run to run.

    Args:
        body: the body model.
        prior: over its poses.
        keypoint_std, robust, limit_std, scale_std, estimate_std: see `Energy`.
        facings: how many orientations a fit of its own starts from.
        torso_steps: of its first stage, in which camera and orientation alone are fitted, to the torso.
        prior_weights: of the pose and the shape prior, one a stage, falling to the last, which must be 1.
        steps: of each of these stages.
        learning_rate: of Adam; about the radians of one step.

    Raises:
        ValueError: weights that do not fall to 1, or numbers that are not positive.

    Source: Bogo et al., SMPLify, ECCV 2016, section 3.3 (the stages); the priors' weights and the optimiser differ.
    """

    def __init__(
        self,
        body: BodyModel,
        prior: PosePrior,
        *,
        keypoint_std: float = 0.02,
        robust: float = 0.2,
        limit_std: float = 0.05,
        scale_std: float = 0.3,
        estimate_std: float = 0.5,
        facings: int = 2,
        torso_steps: int = 40,
        prior_weights: Sequence[float] = (10.0, 3.0, 1.0),
        steps: int = 60,
        learning_rate: float = 0.05,
    ) -> None:
        super().__init__()
        numbers = (keypoint_std, robust, limit_std, scale_std, estimate_std, facings, steps, learning_rate)
        if min(numbers) <= 0 or torso_steps < 0:
            raise ValueError("standard deviations, facings, steps and the learning rate must be positive")
        if not prior_weights or prior_weights[-1] != 1 or any(a < b for a, b in pairwise(prior_weights)):
            raise ValueError(f"prior_weights must fall to 1, which is where the energy is defined: {prior_weights}")
        self.energy = Energy(body, prior, keypoint_std, robust, limit_std, scale_std, estimate_std)
        self.facings = facings
        self.torso_steps = torso_steps
        self.prior_weights = tuple(prior_weights)
        self.steps = steps
        self.learning_rate = learning_rate

    def fit(self, start: Estimate, keypoints: Tensor) -> Estimate:
        """Fit from a start that knows nothing of the picture, such as the mean parameters.

        Args:
            start: of B samples; the camera's scale is taken for what is usual.
            keypoints: (B, 49, 3) crop coordinates and confidence; points of confidence 0 do not count.

        Returns:
            The fits; where no key point counts, the start. Of `points` there is a single one.
        """
        with _exact(keypoints):
            start, keypoints = _own(start), keypoints.detach().float().clone()
            torso = torso_keypoints(keypoints)
            origin, unknowns = facings(self.energy.folded, origin_of(start, False), torso, self.facings)
            repeated, torso = keypoints.repeat(self.facings, 1, 1), torso.repeat(self.facings, 1, 1)
            unknowns = self._minimise(unknowns, origin, torso, ("turn", "camera"), self.torso_steps, 1.0)
            unknowns, energy = self._minimise_all(unknowns, origin, repeated)
            best = energy.view(self.facings, -1).argmin(0)
            row = best * len(keypoints) + torch.arange(len(keypoints), device=best.device)
            found = self._estimate(unknowns, origin)
            found = Estimate(*(field[row] for field in found))
            return self._chosen((keypoints[..., 2] > 0).any(-1), found, start)

    def refine(self, start: Estimate, keypoints: Tensor) -> Estimate:
        """Refine a network's estimate, staying near it.

        Args:
            start: of B samples, also the centre of the priors.
            keypoints: (B, 49, 3) as for `fit`.

        Returns:
            Estimates of an energy not above the start's; where no key point counts, the start.
        """
        with _exact(keypoints):
            start, keypoints = _own(start), keypoints.detach().float().clone()
            origin = origin_of(start, True)
            unknowns, energy = self._minimise_all(unmoved(origin), origin, keypoints)
            better = energy < self.energy(unmoved(origin), origin, keypoints)
            return self._chosen(better & (keypoints[..., 2] > 0).any(-1), self._estimate(unknowns, origin), start)

    def _minimise_all(self, unknowns: Unknowns, origin: Origin, keypoints: Tensor) -> tuple[Unknowns, Tensor]:
        """The stages in which everything moves; the end, and its energy (B,)."""
        for weight in self.prior_weights:
            unknowns = self._minimise(unknowns, origin, keypoints, Unknowns._fields, self.steps, weight)
        return unknowns, self.energy(unknowns, origin, keypoints)

    def _minimise(
        self,
        unknowns: Unknowns,
        origin: Origin,
        keypoints: Tensor,
        moving: tuple[str, ...],
        steps: int,
        prior_weight: float,
    ) -> Unknowns:
        """One stage of Adam; each sample's best unknowns on the way, so none ends above where it started."""
        current = Unknowns(*(x.detach().clone() for x in unknowns))
        parameters = [getattr(current, name).requires_grad_() for name in moving]
        optimizer = torch.optim.Adam(parameters, lr=self.learning_rate)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, _LAST_RATE, total_iters=max(steps, 1))
        best, lowest = Unknowns(*(x.detach().clone() for x in current)), None
        for step in range(steps + 1):
            with torch.enable_grad():
                energy = self.energy(current, origin, keypoints, prior_weight)
            lower = energy.isfinite() if lowest is None else energy < lowest
            lowest = energy.detach() if lowest is None else torch.where(lower, energy.detach(), lowest)
            best = Unknowns(
                *(torch.where(lower[:, None], new.detach(), old) for new, old in zip(current, best, strict=True))
            )
            if step < steps:
                optimizer.zero_grad()
                energy.backward(torch.ones_like(energy))
                optimizer.step()
                schedule.step()
        return best

    def _estimate(self, unknowns: Unknowns, origin: Origin) -> Estimate:
        return Estimate(*(field.detach() for field in self.energy.estimate(unknowns, origin)))

    def _chosen(self, keep: Tensor, found: Estimate, start: Estimate) -> Estimate:
        """The found estimates where they are kept, else the start."""
        points, _ = self.energy.folded(start.rotations, start.betas)
        start = start._replace(points=points)
        return Estimate(
            *(
                torch.where(keep.view(-1, *[1] * (new.dim() - 1)), new, old)
                for new, old in zip(found, start, strict=True)
            )
        )


def _own(start: Estimate) -> Estimate:
    """Copies that gradients may flow through, in float32."""
    return Estimate(*(field.detach().float().clone() for field in start))


@contextmanager
def _exact(tensor: Tensor) -> Iterator[None]:
    """Float32 and, inside `enable_grad`, gradients, whatever the evaluation around it has switched off."""
    with torch.inference_mode(False), torch.no_grad(), torch.autocast(tensor.device.type, enabled=False):
        yield
