"""The command `prepare.py doctor`: what is there, what is missing, where it belongs and how it is had."""

import sys
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import h5py
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

FOUND, READY, MISSING, DAMAGED = "found", "ready to prepare", "missing", "damaged"
_PACKAGE = "maflab:"  # files inside the package
_STYLES = {FOUND: "green", READY: "cyan", MISSING: "yellow", DAMAGED: "red"}


class Finding(NamedTuple):
    """One line of the report."""

    kind: str
    name: str
    state: str  # found (a pack: with how many people), ready to prepare, missing or damaged
    place: str  # where it is, or where it belongs
    licence: str
    source: str  # where it is had
    without: str  # what works while it is missing


def doctor(conf: Path, overrides: list[str]) -> list[Finding]:
    """Looks for every asset the suite knows and prints what it finds.

    Args:
        conf: the folder of configs.
        overrides: settings of `paths`, e.g. `paths.data=/data`.

    Returns:
        What was printed.
    """
    findings = examine(conf, overrides)
    print_findings(findings)
    return findings


def examine(conf: Path, overrides: list[str]) -> list[Finding]:
    """What is there and what is not, as `conf/doctor.yaml` and the presets of `conf/source/` say."""
    with initialize_config_dir(str(conf.resolve()), version_base="1.3"):
        config = compose("doctor", overrides=overrides)
    sources = {path.stem: _source(path, config) for path in sorted((conf / "source").glob("*.yaml"))}
    presets = {name: source for name, source in sources.items() if source is not None}
    findings = [_asset(asset) for asset in _plain(config.assets)]
    folder, sets = Path(config.paths.packs), _plain(config.sets)
    made = {name: folder / source.set / f"{source.split}.h5" for name, source in presets.items()}
    findings += [_data_set(name, presets[name], pack, sets) for name, pack in made.items()]
    others = sorted(set(folder.glob("*/*.h5")) - set(made.values()))
    return findings + [_other_pack(pack, sets) for pack in others]


def print_findings(findings: list[Finding]) -> None:
    """A table a kind."""
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160)
    for kind in dict.fromkeys(finding.kind for finding in findings):
        lines = [finding for finding in findings if finding.kind == kind]
        found = sum(line.state.startswith(FOUND) for line in lines)
        table = Table(
            title=f"{kind}: {found} of {len(lines)} found", title_justify="left", show_lines=True, expand=True
        )
        table.add_column("", no_wrap=True)
        table.add_column("state", no_wrap=True)
        for title, ratio in (("place", 5), ("licence; where it is had", 4), ("without it", 3)):
            table.add_column(title, overflow="fold", ratio=ratio)
        for line in lines:
            style = _STYLES[line.state.split(",")[0]]
            where = "; ".join(part for part in (line.licence, line.source) if part)
            table.add_row(line.name, f"[{style}]{line.state}", line.place, where, line.without)
        console.print(table)


def _asset(asset: dict[str, Any]) -> Finding:
    paths = [_path(file) for file in asset["files"]]
    found = next((path for path in paths if path.exists()), None)
    place = str(found or paths[0])
    if found is None and len(paths) > 1:
        place += f" (or {', '.join(path.name for path in paths[1:])})"
    state = FOUND if found else MISSING
    return Finding(asset["kind"], asset["name"], state, place, asset["licence"], asset["from"], asset["without"])


def _source(preset: Path, config: DictConfig) -> DictConfig | None:
    """A preset, if it says where its set belongs; those for any set do not."""
    source = OmegaConf.load(preset)
    if any(key not in source or OmegaConf.is_missing(source, key) for key in ("set", "labels")):
        return None
    # Beside the paths, which its own refer to; composing each preset would take a tenth of a second.
    return OmegaConf.create({"paths": config.paths, "source": source}).source


def _data_set(name: str, source: DictConfig, pack: Path, sets: dict[str, str]) -> Finding:
    """A preset: its pack, and the labels and pictures that the pack is made of."""
    parts = {"labels": Path(source.labels)}
    if source.images is not None and Path(source.images) != parts["labels"]:
        parts["pictures"] = Path(source.images)
    states = {part: FOUND if _is_there(path) else MISSING for part, path in parts.items()}
    state = _pack_state(pack)
    if state == MISSING and set(states.values()) == {FOUND}:
        state = READY
    lines = [f"{pack}: {_pack_state(pack)}", *(f"{part} {path}: {states[part]}" for part, path in parts.items())]
    without = _without(source.set, sets)
    return Finding("data set", f"source={name}", state, "\n".join(lines), source.licence, "", without)


def _other_pack(pack: Path, sets: dict[str, str]) -> Finding:
    """A pack that no preset makes: of synthetic people, or of somebody's own."""
    name = pack.parent.name
    return Finding("data set", f"{name} {pack.stem}", _pack_state(pack), str(pack), "", "", _without(name, sets))


def _without(name: str, sets: dict[str, str]) -> str:
    """What `sets` says of a data set: the entry that its name starts with, the longest one."""
    return sets.get(max((start for start in sets if name.startswith(start)), key=len, default=""), "")


def _pack_state(path: Path) -> str:
    if not path.is_file():
        return MISSING
    try:
        with h5py.File(path, "r") as file:
            return f"{FOUND}, {len(file['images/offsets']) - 1:,} people"
    except (OSError, KeyError):
        return DAMAGED


def _is_there(path: Path) -> bool:
    """A file, or a folder with something in it."""
    return path.is_file() or (path.is_dir() and next(path.iterdir(), None) is not None)


def _path(file: str) -> Path:
    if file.startswith(_PACKAGE):
        return Path(str(resources.files("maflab"))) / file.removeprefix(_PACKAGE)
    return Path(file)


def _plain(node: Any) -> Any:
    return OmegaConf.to_container(node, resolve=True)
