"""Picture files of every common kind as 8-bit RGB, upright; alone or a folder of them."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from maflab.inference.errors import InputError
from maflab.inference.frames import Frame, Picture

log = logging.getLogger(__name__)

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})


def read_picture(path: Path | str) -> Picture:
    """A picture file, turned as its EXIF orientation says, transparent parts on white, grey and 16-bit ones converted.

    Raises:
        InputError: it is missing, damaged, or no picture that Pillow knows.
    """
    try:
        with Image.open(path) as opened:
            opened.load()
            image = ImageOps.exif_transpose(opened)
    except FileNotFoundError as error:
        raise InputError(f"There is no picture {path}") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = "0 bytes" if Path(path).stat().st_size == 0 else str(error).split("\n")[0]
        raise InputError(f"{path} cannot be read as a picture ({reason}); leave it out or save it anew") from error
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits, or wider ones that hold no more
        values = np.asarray(image).astype(np.float64)
        full = 65535.0 if values.max(initial=0) > 255 else 255.0
        grey = np.clip(values * (255 / full), 0, 255).round().astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB")).copy()


class PictureSource:
    """One picture."""

    length: int | None = 1
    rate = 0.0
    stills = True
    live = False

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path

    def __iter__(self) -> Iterator[Frame]:
        """The one frame.

        Raises:
            InputError: it cannot be read.
        """
        yield Frame(0, 0.0, read_picture(self._path), self._path.name)


class FolderSource:
    """The pictures of a folder in the natural order of their names; 2.png comes before 10.png.

    A picture that cannot be read is a black frame, so that the others keep their places.
    """

    stills = True
    live = False

    def __init__(self, path: Path, rate: float) -> None:
        """
        Args:
            path: the folder.
            rate: frames a second that the pictures are taken for.

        Raises:
            InputError: there is no picture in it.
        """
        files = [file for file in path.iterdir() if file.is_file() and not file.name.startswith(".")]
        self.files = sorted((file for file in files if file.suffix.lower() in SUFFIXES), key=natural_order)
        if not self.files:
            kinds = ", ".join(sorted(SUFFIXES))
            raise InputError(f"{path} holds no picture ({kinds}) among its {len(files)} files; name another folder")
        if left := len(files) - len(self.files):
            log.info("%s: %d pictures; %d other files are left aside", path, len(self.files), left)
        self.name = str(path)
        self.length: int | None = len(self.files)
        self.rate = rate

    def __iter__(self) -> Iterator[Frame]:
        """Every picture.

        Raises:
            InputError: none of them can be read.
        """
        size, unread = None, []
        for index, file in enumerate(self.files):
            try:
                image = read_picture(file)
            except InputError as error:
                log.warning("%s", error)
                unread.append(index)
                if size is None:
                    continue  # its place is filled when the first size is known
                image = np.zeros(size, np.uint8)
            if size is None:
                size = image.shape
                for early in unread:
                    yield Frame(early, early / self.rate, np.zeros(size, np.uint8), self.files[early].name)
            yield Frame(index, index / self.rate, image, file.name)
        if size is None:
            raise InputError(f"None of the {len(self.files)} pictures in {self.name} can be read")


def natural_order(path: Path) -> list[tuple[int, str]]:
    """A key to sort names by: the numbers in them count as numbers."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", path.name)]
