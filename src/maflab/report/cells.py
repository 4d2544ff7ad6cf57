"""The cells of a sweep: runs that differ by nothing but their seed, named by what tells the cells apart."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from maflab.report.errors import ReportError
from maflab.report.runs import Run

_NOT_OF_THE_CELL = ("seed", "resume")
_UNSET = "–"


class Cell(NamedTuple):
    """Runs of one setting."""

    number: int  # from 1, in the order of the jobs
    label: str
    settings: dict[str, str]  # of the keys that vary between cells
    runs: list[Run]  # one a seed


class Grid(NamedTuple):
    """Cells laid out on two axes."""

    row_title: str
    column_title: str
    rows: list[str]
    columns: list[str]
    places: dict[tuple[int, int], Cell]


def group_cells(runs: Sequence[Run]) -> list[Cell]:
    """Group runs into cells.

    Raises:
        ReportError: a cell holds a seed twice.
    """
    groups: dict[tuple[tuple[str, str], ...], list[Run]] = {}
    for run in runs:
        settings = {key: value for key, value in parse(run.overrides).items() if key not in _NOT_OF_THE_CELL}
        groups.setdefault(tuple(sorted(settings.items())), []).append(run)
    for members in groups.values():
        _check_seeds(members)
    keys = list(dict.fromkeys(key for members in groups.values() for key in parse(members[0].overrides)))
    shown = [[_setting(members[0], key) for key in keys] for members in groups.values()]
    # What every cell has alike names none of them.
    varying = [i for i, key in enumerate(keys) if key not in _NOT_OF_THE_CELL and len({row[i] for row in shown}) > 1]
    cells = []
    for number, (members, row) in enumerate(zip(groups.values(), shown, strict=True), 1):
        settings = {keys[i]: row[i] for i in varying}
        cells.append(Cell(number, _label(settings) or _name(members[0]), settings, members))
    return _distinct(cells)


def parse(overrides: Sequence[str]) -> dict[str, str]:
    """Hydra's overrides as keys and values; `+`, which only says that the key is new, is no part of the key."""
    pairs = (override.partition("=") for override in overrides)
    return {key.lstrip("+"): value for key, _, value in pairs}


def find_cell(cells: Sequence[Cell], wanted: str | None) -> Cell:
    """The baseline: the cell of that label or number; None: the first that reads global features only, or the first.

    Raises:
        ReportError: there is no such cell.
    """
    if wanted is None:
        return next((cell for cell in cells if _is_global(cell.runs[0].config)), cells[0])
    for cell in cells:
        if wanted in (cell.label, str(cell.number)):
            return cell
    labels = [cell.label for cell in cells]
    near = difflib.get_close_matches(wanted, labels, 1, 0.4)
    hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(repr(label) for label in labels[:8])}"
    raise ReportError(f"There is no cell {wanted!r}{hint}")


def lay_out(cells: Sequence[Cell]) -> Grid | None:
    """Two axes on which the cells fill at least half of a rectangle; None if they do not.

    The columns are one setting, the rows what is left; the fullest rectangle wins, then the one with more columns.
    """
    keys = list(cells[0].settings)
    best: tuple[float, int, Grid] | None = None
    for key in keys if len(keys) > 1 else []:
        columns = in_order(cell.settings[key] for cell in cells)
        rest = {cell.number: _label(cell.settings, [k for k in keys if k != key]) for cell in cells}
        rows = in_order(rest.values())
        filled = len(cells) / (len(rows) * len(columns))
        if len(rows) < 2 or filled < 0.5 or (best and best[:2] >= (filled, len(columns))):
            continue
        places = {(rows.index(rest[c.number]), columns.index(c.settings[key])): c for c in cells}
        titles = ", ".join(k for k in keys if k != key), key
        if len(keys) == 2:  # the axis has the name: its ticks need only values
            rows = [row.rpartition("=")[2] for row in rows]
        best = (filled, len(columns), Grid(*titles, rows, columns, places))
    return best[2] if best else None


def in_order(values: Iterable[str]) -> list[str]:
    """Each value once: numbers by size, words as they come."""
    once = list(dict.fromkeys(values))
    try:
        return sorted(once, key=lambda value: float(value.rpartition("=")[2]))
    except ValueError:
        return once


def _setting(run: Run, key: str) -> str:
    given = parse(run.overrides).get(key)
    if given is not None:
        return given
    node: Any = run.config
    for part in key.split("."):
        node = node.get(part) if isinstance(node, dict) else None
    if isinstance(node, list):
        return f"[{','.join(str(item) for item in node)}]"
    return _UNSET if node in (None, "???") or isinstance(node, dict) else str(node)  # ???: OmegaConf's "not given"


def _label(settings: dict[str, str], keys: Sequence[str] | None = None) -> str:
    chosen = {key: settings[key] for key in (settings if keys is None else keys)}
    names = {key: key.rpartition(".")[2] for key in chosen}
    names = {key: name if list(names.values()).count(name) == 1 else key for key, name in names.items()}
    return ", ".join(value if key == "experiment" else f"{names[key]}={value}" for key, value in chosen.items())


def _distinct(cells: list[Cell]) -> list[Cell]:
    """An override that repeats what the config says anyway makes two groups of one label: tell them by number."""
    labels = [cell.label for cell in cells]
    return [
        cell if labels.count(cell.label) == 1 else cell._replace(label=f"{cell.label} ({cell.number})")
        for cell in cells
    ]


def _name(run: Run) -> str:
    return str(run.result.get("name") or run.name)


def _is_global(config: dict[str, Any]) -> bool:
    sources = (config.get("maf") or {}).get("sources") or []
    return set(sources) == {"global"}


def _check_seeds(members: list[Run]) -> None:
    seen: dict[int | None, str] = {}
    for run in members:
        if run.seed in seen:
            raise ReportError(
                f"{seen[run.seed]} and {run.name} have the same settings and the same seed ({run.seed}); "
                "move one of them elsewhere, or it would count twice"
            )
        seen[run.seed] = run.name
