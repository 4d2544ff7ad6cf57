"""Is every setting one that exists and does something?

Hydra's struct stops a misspelt key, but not one after `+`, not one inside an experiment's file, and not a setting of a
part that this run does not have.
"""

import difflib
import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf

from maflab.training.errors import OverrideError

_KEYWORDS = {"_target_", "_partial_", "_convert_", "_recursive_", "_args_"}
_OVERLAYS = ("experiment", "debug", "sweep")


def nearest(name: str, candidates: Iterable[str]) -> str:
    """`; did you mean X?` for the candidate most like `name`, or a list of a few, or nothing."""
    candidates = sorted(set(candidates))
    # A key that was given without its parents is as good as found where only one key ends like it.
    close = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    close = close or [c for c in candidates if c.endswith(f".{name}")][:1]
    if close:
        return f"; did you mean {close[0]}?"
    return f"; there are {', '.join(candidates)}" if 0 < len(candidates) <= 12 else ""


def check_config(config: DictConfig, root: Path) -> None:
    """Stop on a key that nothing reads.

    Args:
        config: the composed config.
        root: the file it was composed from (`conf/train.yaml`); beside it lie the groups.

    Raises:
        OverrideError: names the key and the nearest that exists.
    """
    for name in _OVERLAYS:
        if name in config:
            raise OverrideError(
                f"{name} settings ended up under the key {name!r}, where nothing reads them: "
                f"the first line of the file in conf/{name}/ must be '# @package _global_'"
            )
    own = OmegaConf.load(root)
    sections = {key for key in own if key not in ("defaults", "hydra")}
    groups = {_group(entry) for entry in own.get("defaults", [])} - {"_self_", "hydra"}
    for key in config:
        if key not in sections | groups:
            raise OverrideError(f"There is no setting {key}{nearest(str(key), {*sections, *groups, *_OVERLAYS})}")
    values = OmegaConf.to_container(own, resolve=False)
    for section in sections:
        if isinstance(values, dict) and isinstance(values[section], dict):
            _check_names(config[section], own[section], str(section))
    for group in groups:
        _check_group(config, group, root.parent / group)


def check_part(config: DictConfig, part: str) -> None:
    """Stop on a key of a part that what it makes does not take; raises OverrideError as `check_config` does."""
    _check_target(config[part], part)


def check_overrides(config: DictConfig, overrides: list[str]) -> None:
    """Stop on a setting from the command line that this run would not notice.

    Args:
        config: the composed config.
        overrides: what was given, as Hydra lists it (`HydraConfig.get().overrides.task`).

    Raises:
        OverrideError: names the setting and why nothing reads it.
    """
    keys = [override.key_or_group for override in OverridesParser.create().parse_overrides(overrides)]
    for key, count in Counter(keys).items():
        if count > 1:
            raise OverrideError(f"{key} is given {count} times; only the last would count")
    for key in keys:
        for prefixes, idle, reason in _IDLE:
            if key.startswith(prefixes) and idle(config):
                raise OverrideError(f"{key} changes nothing: {reason}")


def _without_head(config: DictConfig) -> bool:
    return config.get("aux_head") is None


def _never_reads(*sources: str) -> Callable[[DictConfig], bool]:
    """Whether no iteration that is run has one of these feature sources."""

    def idle(config: DictConfig) -> bool:
        if config.get("maf") is None or "sources" not in config.maf:
            return False
        return not set(config.maf.sources[: config.maf.iterations]) & set(sources)

    return idle


_IDLE: tuple[tuple[tuple[str, ...], Callable[[DictConfig], bool], str], ...] = (
    (
        ("loss.part", "loss.uv", "loss.annotation"),
        _without_head,
        "there is no auxiliary head (aux_head=dense adds one)",
    ),
    (
        ("crops", "workers", "limit"),
        lambda config: "crops" in config and config.source is None,
        "no data set on disk is prepared (source=...)",
    ),
    (("data", "import", "export"), lambda config: config.get("source") is not None, "source=... makes a pack alone"),
    (("import_to",), lambda config: not config.get("import"), "nothing is imported (import=...)"),
    (("export_to",), lambda config: not config.get("export"), "nothing is exported (export=...)"),
    (("maf.grid",), _never_reads("grid"), "no iteration reads a grid (maf.sources)"),
    (("maf.points",), _never_reads("mesh"), "no iteration reads the mesh's points (maf.sources)"),
    (("maf.reduction", "maf.schedule"), _never_reads("grid", "mesh"), "every iteration reads the pooled vector alone"),
)


def _group(entry: object) -> str:
    name = next(iter(entry)) if isinstance(entry, DictConfig) else str(entry)
    return str(name).removeprefix("override ").removeprefix("optional ").lstrip("/")


def _check_group(config: DictConfig, group: str, folder: Path) -> None:
    node = config.get(group)
    if node is None:
        return
    if "_target_" in node:
        _check_target(node, group)
        return
    if not (folder / "default.yaml").is_file():
        _check_laid_over(node, group, folder)
        return
    default = OmegaConf.load(folder / "default.yaml")
    if not any(isinstance(value, dict) for value in OmegaConf.to_container(default, resolve=False).values()):
        _check_names(node, default, group)  # a group of plain values: paths
        return
    for name, child in _children(node):
        if "_target_" not in child:
            known = [f"{group}.{other}" for other, sibling in _children(node) if "_target_" in sibling]
            raise OverrideError(
                f"{group}.{name} has no _target_, so nothing is made of it{nearest(f'{group}.{name}', known)}"
            )
        _check_target(child, f"{group}.{name}")


def _check_laid_over(node: DictConfig, group: str, folder: Path) -> None:
    """Settings of a part that was not chosen: those of `data` are laid over the checkpoint's, and checked there."""
    if group == "data":
        return
    given = ", ".join(f"{group}.{key}" for key in node)
    options = ", ".join(sorted(path.stem for path in folder.glob("*.yaml")))
    raise OverrideError(f"{given} changes nothing without {group}=...; there are {options}")


def _children(node: DictConfig) -> Iterator[tuple[str, DictConfig]]:
    for name in node:
        if not OmegaConf.is_missing(node, name) and not OmegaConf.is_interpolation(node, name):
            child = node[name]
            if isinstance(child, DictConfig):
                yield str(name), child


def _check_names(node: DictConfig, reference: DictConfig, path: str) -> None:
    for key in node:
        if key not in reference:
            known = [f"{path}.{other}" for other in reference]
            raise OverrideError(f"There is no setting {path}.{key}{nearest(f'{path}.{key}', known)}")


def _check_target(node: DictConfig, path: str) -> None:
    """Every key beside `_target_` must be a parameter of what is called."""
    try:
        target = get_object(node._target_)
    except (ImportError, ValueError, HydraException) as error:
        raise OverrideError(f"{path}._target_={node._target_} cannot be imported ({error})") from error
    parameters = inspect.signature(target).parameters.values()
    open_ended = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)
    names = {p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL, p.POSITIONAL_ONLY)}
    for key in set(node) - _KEYWORDS:
        if key not in names and not open_ended:
            known = [f"{path}.{name}" for name in names]
            raise OverrideError(
                f"There is no setting {path}.{key} ({node._target_} does not take it){nearest(f'{path}.{key}', known)}"
            )
    for name, child in _children(node):
        if "_target_" in child:
            _check_target(child, f"{path}.{name}")
