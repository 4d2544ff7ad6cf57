"""How fast does a training sample come out of a pack, next to what other loaders do for one?

    python benchmarks/data_loading.py                 # people in pictures of 1000 x 1000, crops of 224
    python benchmarks/data_loading.py --crop 96

Three ways to a crop, in turns in the same process, on one thread:

- **published**: what SPIN's and PyMAF's public code does, told again: the whole picture is decoded and made floating
  point, the box is copied out (with room for the turn, where the sample is turned), turned and resized by PIL, as the
  `scipy.misc` of those years did, then mirrored, multiplied by channel noise and normalised;
- **plain**: the whole picture is decoded, one affine warp cuts the crop, which is normalised; nothing is augmented;
- **maflab**: `PackDataset` with the published augmentation: a record of a pack that `prepare.py` cut out of the same
  picture, with all of its labels moved along.

Time is processor time of the process, so that neighbours on a shared machine count little; the best round counts.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table
from torch import Tensor

from maflab.data.augment import Augmentation, GeometricAugmentation
from maflab.data.dataset import PackDataset
from maflab.data.pack import PackWriter
from maflab.data.prepare.crop import CropSettings, cut_record
from maflab.data.prepare.pictures import Picture
from maflab.data.sources.person import Person

TARGET = 4.0  # times the samples of the plain way
SIDE = 1000  # of the source pictures, as Human3.6M's
MEAN, STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)


class Source(NamedTuple):
    """A picture as it lies on disk, and the box of the person in it."""

    jpeg: NDArray[np.uint8]
    center: NDArray[np.float64]
    size: float


def picture(rng: np.random.Generator) -> NDArray[np.uint8]:
    """(SIDE, SIDE, 3) structure at all scales, which compresses like a photograph."""
    layers = [(4, 90.0), (16, 50.0), (64, 30.0), (250, 14.0), (SIDE, 5.0)]
    total = np.full((SIDE, SIDE, 3), 120, np.float32)
    for cells, strength in layers:
        noise = rng.normal(0, strength, (cells, cells, 3)).astype(np.float32)
        total += cv2.resize(noise, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return np.clip(total, 0, 255).astype(np.uint8)


def make_sources(count: int) -> list[Source]:
    """Pictures with boxes as large as those of Human3.6M's people."""
    rng = np.random.default_rng(0)
    sources = []
    for _ in range(count):
        jpeg = cv2.imencode(".jpg", picture(rng), [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
        sources.append(Source(jpeg.ravel(), rng.uniform(420, 580, 2), float(rng.uniform(420, 640))))
    return sources


def make_pack(path: Path, sources: list[Source], quality: int = CropSettings().quality) -> None:
    """The pack that `prepare.py` would make of them, with every label there is."""
    rng = np.random.default_rng(1)
    attributes = {"name": "benchmark", "split": "train", "licence": "CC0", "source": "noise", "body": "smpl"}
    with PackWriter(path, **attributes, recipe={}) as writer:
        for source in sources:
            pixels = cv2.imdecode(source.jpeg, cv2.IMREAD_COLOR)[..., ::-1]
            keypoints = np.concatenate((rng.uniform(300, 700, (49, 2)), np.ones((49, 1))), axis=1)
            joints = np.concatenate((rng.normal(0, 0.4, (24, 3)), np.ones((24, 1))), axis=1)
            labels = {"pose": rng.normal(0, 0.3, 72), "betas": rng.normal(0, 1, 10)}
            person = Person(Path("x.jpg"), source.center, source.size, keypoints, joints, **labels)
            writer.append(**cut_record(person, Picture(pixels, SIDE, SIDE, 1), CropSettings(quality=quality)))


def plain(source: Source, crop: int) -> Tensor:
    """Decode, one warp, normalise."""
    image = cv2.cvtColor(cv2.imdecode(source.jpeg, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    scale = crop / source.size
    corner = source.center - source.size / 2
    affine = np.array([[scale, 0, -scale * corner[0]], [0, scale, -scale * corner[1]]])
    warped = cv2.warpAffine(image, affine, (crop, crop)).astype(np.float32) / 255
    return torch.from_numpy(np.ascontiguousarray(((warped - MEAN) / STD).transpose(2, 0, 1)))


def published(source: Source, crop: int, rng: np.random.Generator, turned: bool) -> Tensor:
    """Decode, copy the box out, turn, resize, mirror, noise, normalise."""
    placement = GeometricAugmentation().draw(rng)
    angle = 30.0 if turned else 0.0
    image = cv2.imdecode(source.jpeg, cv2.IMREAD_COLOR)[:, :, ::-1].copy().astype(np.float32)
    side = round(source.size * placement.scale)
    low = np.round(source.center - side / 2).astype(int)
    pad = round(side * (np.sqrt(2) - 1) / 2) if turned else 0
    low, span = low - pad, side + 2 * pad
    box = np.zeros((span, span, 3))
    start, stop = np.maximum(low, 0), np.minimum(low + span, SIDE)
    (x, y), (u, v) = start - low, stop - low
    box[y:v, x:u] = image[start[1] : stop[1], start[0] : stop[0]]
    if turned:
        box = np.asarray(Image.fromarray(box.astype(np.uint8)).rotate(angle, Image.Resampling.BILINEAR))
        box = box[pad:-pad, pad:-pad]
    small = np.asarray(Image.fromarray(box.astype(np.uint8)).resize((crop, crop), Image.Resampling.BILINEAR))
    if placement.flip:
        small = np.fliplr(small)
    noisy = np.clip(small * rng.uniform(0.6, 1.4, 3), 0, 255)
    tensor = torch.from_numpy(np.transpose(noisy.astype(np.float32), (2, 0, 1)) / 255)
    return (tensor - torch.from_numpy(MEAN)[:, None, None]) / torch.from_numpy(STD)[:, None, None]


def milliseconds(ways: dict[str, Callable[[int], object]], samples: int, rounds: int) -> dict[str, float]:
    """Processor time a sample of the best round of each way; they take turns."""
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.process_time()
            for number in range(samples):
                way(number)
            best[name] = min(best[name], 1e3 * (time.process_time() - start) / samples)
    return best


def report(times: dict[str, float], crop: int) -> str:
    """Prints the table; returns the verdict."""
    table = Table("", "ms a sample", "samples a second and core", "times the plain way", title=f"crops of {crop}")
    for name, each in times.items():
        table.add_row(name, f"{each:.2f}", f"{1e3 / each:.0f}", f"{times['plain'] / each:.2f}")
    console = Console()
    console.print(table)
    ratio = times["plain"] / times["maflab"]
    return f"target of {TARGET:.0f} times the plain way: {'met' if ratio >= TARGET else 'missed'} ({ratio:.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crop", type=int, default=224, help="side of the crops in pixels")
    parser.add_argument("--quality", type=int, default=CropSettings().quality, help="of the pack's JPEGs")
    parser.add_argument("--pictures", type=int, default=24)
    parser.add_argument("--samples", type=int, default=48, help="of each way a round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)

    sources = make_sources(options.pictures)
    rng = np.random.default_rng(2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.h5"
        make_pack(path, sources, options.quality)
        dataset = PackDataset(path, options.crop, Augmentation())
        count = options.pictures
        times = milliseconds(
            {
                "published, not turned": lambda k: published(sources[k % count], options.crop, rng, False),
                "published, turned": lambda k: published(sources[k % count], options.crop, rng, True),
                "plain": lambda k: plain(sources[k % count], options.crop),
                "maflab": lambda k: dataset.sample(k % count, k // count, k),
            },
            options.samples,
            options.rounds,
        )
        kilobytes = np.mean([len(dataset.reader.jpeg(row)) for row in range(count)]) / 1e3
    size = np.mean([len(source.jpeg) for source in sources]) / 1e3
    Console().print(f"pictures of {size:.0f} kB, {kilobytes:.0f} kB in the pack")
    Console().print(report(times, options.crop))


if __name__ == "__main__":
    main()
