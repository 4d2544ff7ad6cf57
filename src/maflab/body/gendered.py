"""Posing people of known gender, each with the body their labels were made with."""

from collections.abc import Callable

from torch import Tensor

from maflab.body.arrays import BodyFileError
from maflab.body.model import BodyModel, BodyOutput

GENDERS = {0: "male", 1: "female"}
"""The numbers that packs and batches write; any other is neutral."""


class GenderedBodies:
    """Male, female and neutral bodies of one topology; people of unknown gender get the neutral one.

    Args:
        neutral: the body of the estimates.
        load: makes the body of a gender, `male` or `female`.

    Raises:
        BodyFileError: there are no such bodies, a file is missing or damaged, or the meshes differ in size.
    """

    def __init__(self, neutral: BodyModel, load: Callable[[str], BodyModel]) -> None:
        if neutral.name != "smpl":
            raise BodyFileError(
                f"male and female bodies are asked for, and body={neutral.name} has only a neutral one; "
                "evaluate a model of body=smpl, or set data.protocol.gendered=false, whose figures compare with none"
            )
        self._neutral = neutral
        self._bodies = {number: load(gender) for number, gender in GENDERS.items()}
        for number, body in self._bodies.items():
            if body.num_vertices != neutral.num_vertices:
                raise BodyFileError(
                    f"the {GENDERS[number]} body has {body.num_vertices} vertices and the neutral one "
                    f"{neutral.num_vertices}; fetch both from one release"
                )

    def pose(self, rotations: Tensor, betas: Tensor, gender: Tensor) -> BodyOutput:
        """Pose everyone with their own body.

        Args:
            rotations: (B, 24, 3, 3). betas: (B, 10). gender: (B,) 0 male, 1 female, anything else neutral.

        Returns:
            Vertices (B, V, 3) and joints (B, 24, 3), metres, as `BodyModel` gives them.
        """
        vertices = betas.new_empty(len(betas), self._neutral.num_vertices, 3)
        joints = betas.new_empty(len(betas), len(self._neutral.parents), 3)
        for number in gender.unique().tolist():
            rows = gender == number
            body = self._bodies.get(number, self._neutral)
            if body is not self._neutral:
                body.to(betas.device)  # not the model's own: nobody else moves it
            vertices[rows], joints[rows] = body(rotations[rows], betas[rows])
        return BodyOutput(vertices, joints)


def neutral_pose(body: BodyModel) -> Callable[[Tensor, Tensor, Tensor], BodyOutput]:
    """`GenderedBodies.pose` for labels of one body: the gender is passed over."""

    def pose(rotations: Tensor, betas: Tensor, gender: Tensor) -> BodyOutput:
        output: BodyOutput = body(rotations, betas)
        return output

    return pose
