"""4D-Humans' training shards (Goel et al., ICCV 2023): tar archives of `<key>.jpg` and `<key>.data.pyd`.

A `.data.pyd` is a pickled list of the picture's people: keypoints_2d (44, 3), keypoints_3d (44, 4), center, scale (2)
over 200, unlike in its `.npz`, body_pose (72), betas (10), has_body_pose, has_betas, extra_info. Masks
(`.detection.npz`) are not read, and nobody is left out: the thresholds of its training are not part of the labels.
The pictures stay in the archives.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from maflab.array_pickle import PickleError, unpickle
from maflab.data.sources.fourdhumans import humans_person
from maflab.data.sources.person import Person, SourceError, Unusable
from maflab.data.sources.tar_files import members, read_member

_LABELS, _PICTURES = ".data.pyd", (".jpg", ".jpeg", ".png")


class FourDHumansTars:
    """People of 4D-Humans' shards, archive by archive.

    Args:
        labels: a folder of `.tar`, searched through, or one of them.

    Raises:
        SourceError: there are no archives, or (when its turn comes) one is damaged.
    """

    def __init__(self, labels: str | Path) -> None:
        folder = Path(labels)
        self.archives = [folder] if folder.is_file() else sorted(folder.rglob("*.tar"))
        if not self.archives:
            raise SourceError(f"{labels} holds no .tar; unpack nothing, put 4D-Humans' shards there as they are")
        self._length: int | None = None

    def __len__(self) -> int:
        """Reads all labels once: the number of people is written nowhere."""
        if self._length is None:
            self._length = sum(len(people) for archive in self.archives for _, people in _pictures(archive))
        return self._length

    def __iter__(self) -> Iterator[Person | Unusable]:
        for archive in self.archives:
            for picture, people in _pictures(archive):
                for number, labels in enumerate(people):
                    try:
                        person = humans_person(labels, picture, 200 * float(np.max(labels["scale"])))
                    except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
                        yield Unusable(str(picture), f"person {number} of it ({type(error).__name__}: {error})")
                    else:
                        yield person._replace(sequence=archive.stem)


def _pictures(archive: Path) -> Iterator[tuple[Path, list[dict[str, Any]]]]:
    """Each picture of an archive with its people's labels."""
    try:
        names = members(archive)
        for name in names:
            if name.endswith(_LABELS):
                key = name.removesuffix(_LABELS)
                picture = next((key + suffix for suffix in _PICTURES if key + suffix in names), key + _PICTURES[0])
                people = unpickle(read_member(archive / name))
                if not isinstance(people, list):
                    raise PickleError(f"it holds a {type(people).__name__}, not a list of people")
                yield archive / picture, people
    except OSError as error:
        raise SourceError(f"{archive} cannot be read ({error}); fetch it again") from error
    except PickleError as error:
        raise SourceError(f"{archive / name} was not read: {error}") from error
