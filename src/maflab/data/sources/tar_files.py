"""Files inside tar archives, named by paths that go through the archive: `shards/000012.tar/ab12.jpg`."""

import tarfile
from functools import lru_cache
from pathlib import Path


def read_member(path: Path) -> bytes:
    """The content of a file inside a tar archive.

    Raises:
        FileNotFoundError: no part of the path is an archive that holds the rest.
        OSError: the archive cannot be read.
    """
    for archive in path.parents:
        if archive.suffix == ".tar" and archive.is_file():
            place = members(archive).get(path.relative_to(archive).as_posix())
            if place is None:
                break
            with archive.open("rb") as file:
                file.seek(place[0])
                return file.read(place[1])
    raise FileNotFoundError(path)


@lru_cache(maxsize=8)
def members(archive: Path) -> dict[str, tuple[int, int]]:
    """Where each file of an uncompressed archive begins and how long it is, bytes, in the archive's order.

    Raises OSError when the archive is damaged.
    """
    try:
        with tarfile.open(archive, "r:") as file:
            return {entry.name: (entry.offset_data, entry.size) for entry in file if entry.isfile()}
    except tarfile.TarError as error:
        raise OSError(f"{archive} is no tar archive, or a damaged one ({error})") from error
