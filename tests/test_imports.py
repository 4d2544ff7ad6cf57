"""The rooms import one way, only training knows Hydra, and no file is an attic or has a name Windows refuses."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "maflab"

# A room may import the rooms of lower rank and itself. Rooms of one rank stand beside each other.
RANKS = {
    "array_pickle": 0,
    "atomic": 0,
    "silence": 0,
    "structures": 0,
    "geometry": 1,
    "body": 2,
    "render": 3,
    "data": 4,
    "models": 4,
    "fitting": 4,
    "losses": 5,
    "metrics": 5,
    "inference": 6,
    "export": 7,
    "training": 8,
    "report": 9,
    "viewer": 9,
    "export_onnx": 9,
}
CONFIGURATION = {"hydra", "omegaconf"}
ATTICS = {"util", "utils", "misc", "helper", "helpers", "common", "shared", "tools"}
WINDOWS_DEVICES = {"aux", "con", "nul", "prn", *(f"com{i}" for i in range(10)), *(f"lpt{i}" for i in range(10))}
SKIPPED = {"data", "outputs", "multirun", "wandb", "build", "dist", "node_modules"}


def imported_modules(source: str, module: str, is_package: bool = False) -> Iterator[str]:
    """Yield the dotted name of everything a source file imports, inside functions and type checks too.

    `from a.b import c` yields "a.b" and "a.b.c", because c may be a module; relative names are made absolute with
    the importing `module`.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".")[: None if is_package and node.level == 1 else (is_package - node.level)]
                base = ".".join([*parents, base]) if base else ".".join(parents)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def room_of(module: str) -> str | None:
    """The room of a dotted maflab module, None for the package itself and for other packages."""
    parts = module.split(".")
    return parts[1] if parts[0] == "maflab" and len(parts) > 1 else None


def violations(source: str, module: str, is_package: bool = False) -> list[str]:
    """What a source file imports against the direction of the rooms, as sentences."""
    room = room_of(module)
    found = set()
    for name in imported_modules(source, module, is_package):
        top, other = name.split(".")[0], room_of(name)
        if top in CONFIGURATION and room != "training":
            found.add(f"{module} imports {top}: only training and the scripts know Hydra")
        if room and other in RANKS and other != room and RANKS[other] >= RANKS[room]:
            found.add(f"{module} imports {other}: {room} may import only what stands before it")
    return sorted(found)


def module_files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def project_paths() -> Iterator[Path]:
    """Every file and folder that the project itself holds (not what running makes, not hidden folders)."""
    pending = [path for path in ROOT.iterdir() if not path.name.startswith(".") and path.name not in SKIPPED]
    while pending:
        path = pending.pop()
        if path.name == "__pycache__" or path.suffix == ".egg-info":
            continue
        yield path.relative_to(ROOT)
        if path.is_dir():
            pending.extend(path.iterdir())


def test_every_module_belongs_to_a_room() -> None:
    rooms = {room for path in module_files() if (room := room_of(module_name(path)))}
    assert rooms, f"no module was found under {PACKAGE}"
    assert rooms <= set(RANKS), f"not on the map: {sorted(rooms - set(RANKS))}"


@pytest.mark.parametrize("path", module_files(), ids=module_name)
def test_imports_point_one_way(path: Path) -> None:
    assert violations(path.read_text(), module_name(path), path.name == "__init__.py") == []


@pytest.mark.parametrize(
    ("source", "module", "count"),
    [
        ("from maflab.geometry import cameras", "maflab.body.model", 0),
        ("import maflab.body.model", "maflab.geometry.cameras", 1),
        ("from maflab import training", "maflab.models.maf", 1),
        ("from ..models import maf", "maflab.data.dataset", 1),
        ("from .pack import PackReader", "maflab.data.dataset", 0),
        ("def f():\n    from maflab.metrics import functional", "maflab.losses", 1),
        ("from maflab.losses import MeshRecoveryLoss", "maflab.models.recovery", 1),
        ("from omegaconf import DictConfig", "maflab.models.maf", 1),
        ("import hydra.utils", "maflab.training.run", 0),
        ("import torch, numpy", "maflab.structures", 0),
    ],
)
def test_the_check_sees_each_kind_of_import(source: str, module: str, count: int) -> None:
    assert len(violations(source, module)) == count


def test_relative_imports_of_a_package_start_at_itself() -> None:
    assert list(imported_modules("from . import pack", "maflab.data", is_package=True)) == [
        "maflab.data",
        "maflab.data.pack",
    ]
    assert list(imported_modules("from ..body import model", "maflab.data", is_package=True)) == [
        "maflab.body",
        "maflab.body.model",
    ]


def test_names_are_legal_everywhere_and_say_something() -> None:
    stems = {path: path.name.split(".")[0].lower() for path in project_paths()}
    assert [str(p) for p, stem in stems.items() if stem in WINDOWS_DEVICES] == [], "Windows cannot check these out"
    assert [str(p) for p, stem in stems.items() if stem in ATTICS] == [], "name the idea, not the drawer"
