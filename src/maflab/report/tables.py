"""The tables of a report, the same for the page, Markdown and CSV."""

import csv
import io
import math
from typing import NamedTuple

from maflab.report.runs import TITLES
from maflab.report.significance import Paired, Spread
from maflab.report.study import COSTS, Study, cost

NONE = "–"


class Entry(NamedTuple):
    """What stands in a place of a table."""

    text: str
    value: float | None = None  # what it is sorted by; None: by its text


class Table(NamedTuple):
    """Lines of entries under a header."""

    header: list[str]
    rows: list[list[Entry]]


def error_table(study: Study) -> Table:
    """The metrics of every cell after its last iteration: mean ± standard deviation over seeds."""
    header = ["#", "cell", "seeds", *(f"{title} ({'%' if name == 'pck' else 'mm'})" for name, title in TITLES.items())]
    rows = []
    for cell in study.cells:
        label = f"{cell.label} (baseline)" if cell is study.baseline else cell.label
        counts = [_whole(cell.number), Entry(label), _whole(len(cell.runs))]
        rows.append(counts + [_spread(study.finals[name][cell.number]) for name in TITLES])
    return Table(header, rows)


def comparison_table(study: Study) -> Table:
    """Every cell against the baseline, in the study's metric."""
    header = ["#", "cell", "difference (mm)", "95% over seeds", "p (seeds)", "pairs of seeds"]
    header += ["95% over pictures", "p (pictures)", "pairs of pictures", "verdict"]
    rows = []
    for cell in study.cells:
        if cell.number not in study.comparisons:
            continue
        seeds, samples = study.comparisons[cell.number][:2]
        row = [_whole(cell.number), Entry(cell.label), *_difference(seeds), _whole(seeds.n if seeds else 0)]
        row += [*_difference(samples)[1:], _whole(samples.n if samples else 0)]
        rows.append([*row, Entry(study.comparisons[cell.number].verdict())])
    return Table(header, rows)


def cost_table(study: Study) -> Table:
    """What every cell costs: mean ± standard deviation over seeds."""
    header = ["#", "cell", *(f"{title} ({unit})" for title, unit, _ in COSTS.values())]
    header.append(f"{TITLES[study.metric]} (mm)")
    rows = []
    for cell in study.cells:
        costs = [_cost(cost(cell, name)) for name in COSTS]
        error = study.finals[study.metric][cell.number]
        rows.append([_whole(cell.number), Entry(cell.label), *costs, _spread(error)])
    return Table(header, rows)


def markdown(table: Table) -> str:
    """The table in Markdown."""
    lines = ["| " + " | ".join(table.header) + " |", "|" + "---|" * len(table.header)]
    lines += ["| " + " | ".join(entry.text.replace("|", "\\|") for entry in row) + " |" for row in table.rows]
    return "\n".join(lines)


def cells_csv(study: Study) -> str:
    """A line a cell, plain numbers: for a spreadsheet or a plot of one's own."""
    settings = list(study.cells[0].settings)
    header = ["cell", "label", *settings, "seeds"]
    header += [f"{name}_{part}" for name in TITLES for part in ("mean", "sd", "excluded")]
    tests = [f"{test}_{part}" for test in ("seeds", "samples") for part in Paired._fields]
    lines = [[*header, *tests, "verdict", *COSTS]]
    for cell in study.cells:
        spreads = [study.finals[name][cell.number] for name in TITLES]
        figures = [_plain(value) for s in spreads for value in (s.mean, s.sd, s.excluded)]
        comparison = study.comparisons.get(cell.number)
        tested = [_plain(value) for pair in (comparison[:2] if comparison else (None, None)) for value in _all(pair)]
        costs = [_plain(cost(cell, name).mean / factor) for name, (_, _, factor) in COSTS.items()]
        verdict = comparison.verdict() if comparison else "baseline"
        chosen = [cell.settings[key] for key in settings]
        lines.append([str(cell.number), cell.label, *chosen, str(len(cell.runs)), *figures, *tested, verdict, *costs])
    return _csv(lines)


def runs_csv(study: Study) -> str:
    """A line a run and iteration."""
    lines = [["cell", "label", "job", "seed", "iteration", *TITLES]]
    for cell in study.cells:
        for run in cell.runs:
            for t in range(max(len(values) for values in run.metrics.values())):
                figures = [_plain(float(run.metrics[name][t])) for name in TITLES]
                lines.append([str(cell.number), cell.label, run.name, str(run.seed), str(t), *figures])
    return _csv(lines)


def p_value(p: float) -> str:
    """A probability as it is printed."""
    return NONE if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def _spread(spread: Spread) -> Entry:
    left_out = f" ({spread.excluded} NaN left out)" if spread.excluded else ""
    if not spread.n:
        return Entry("NaN" + left_out, math.nan)
    sd = f" ± {spread.sd:.1f}" if math.isfinite(spread.sd) else ""
    return Entry(f"{spread.mean:.1f}{sd}{left_out}", spread.mean)


def _difference(paired: Paired | None) -> list[Entry]:
    """Difference, interval, p."""
    if paired is None:
        return [Entry(NONE, math.nan)] * 3
    interval = Entry(NONE, math.nan)
    if math.isfinite(paired.low):
        interval = Entry(f"{paired.low:+.1f} to {paired.high:+.1f}".replace("-", "−"), paired.low)
    difference = Entry(f"{paired.difference:+.1f}".replace("-", "−"), paired.difference)
    return [difference, interval, Entry(p_value(paired.p), paired.p)]


def _cost(spread: Spread) -> Entry:
    if not spread.n:
        return Entry(NONE, math.nan)
    sd = f" ± {_short(spread.sd)}" if spread.sd > 1e-3 * spread.mean else ""
    return Entry(_short(spread.mean) + sd, spread.mean)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}" if value >= 1 else f"{value:.2g}"


def _whole(value: int) -> Entry:
    return Entry(str(value), value)


def _plain(value: float) -> str:
    return "nan" if math.isnan(value) else f"{value:.6g}"


def _all(paired: Paired | None) -> tuple[float, ...]:
    return tuple(paired) if paired else (math.nan,) * len(Paired._fields)


def _csv(lines: list[list[str]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(lines)
    return stream.getvalue()
