"""The report as one HTML page that needs nothing but itself."""

import base64
import io
from html import escape
from importlib.resources import files
from pathlib import Path

from PIL import Image

from maflab.report import words
from maflab.report.cells import Cell
from maflab.report.costs import cost_charts
from maflab.report.curves import curves
from maflab.report.dots import seed_dots
from maflab.report.heatmap import heat_map
from maflab.report.runs import PICTURES, TITLES, pictures
from maflab.report.significance import Spread
from maflab.report.study import Study, iterations
from maflab.report.tables import Entry, Table, comparison_table, cost_table, error_table


def page(study: Study, count: int) -> str:
    """The whole page.

    Args:
        study: what it shows.
        count: pictures of the worst and of the best samples, of each cell.
    """
    unit = f"{TITLES[study.metric]} (mm)"
    sections = [
        ("grid", "The grid", _grid(study, unit)),
        ("iterations", "Error against iteration", _iterations(study, unit)),
        ("seeds", "Seeds and significance", _seeds(study, unit)),
        ("cost", "Cost", _cost(study, unit)),
        ("samples", "Worst and best samples", _samples(study, count)),
        ("protocol", "Protocol", _protocol(study)),
        ("reproduce", "Reproduce", _reproduce(study)),
    ]
    if study.sweep.unfinished:
        sections.append(("unfinished", "Jobs without figures", _unfinished(study)))
    links = "".join(f'<a href="#{name}">{heading}</a>' for name, heading, _ in sections)
    body = "".join(f'<h2 id="{name}">{heading}</h2>\n{content}\n' for name, heading, content in sections)
    notices = "".join(f"<li>{escape(notice)}</li>" for notice in study.notices)
    head = (
        f"<h1>{escape(words.title(study))}</h1>\n<p class=origin>{escape(words.origin(study))}</p>\n"
        f"<nav>{links}</nav>\n"
        f"<p class=answer>{escape(words.answer(study))}</p>\n"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(words.title(study))}</title>\n<style>\n{_own('page.css')}</style>\n</head>\n<body>\n{head}"
        f"{f'<ul class=notices>{notices}</ul>' if notices else ''}\n{body}<script>\n{_own('sort.js')}</script>\n"
        "</body>\n</html>\n"
    )


def _grid(study: Study, unit: str) -> str:
    finals, grid = study.finals[study.metric], study.grid
    if grid is not None:
        spreads = {place: finals[cell.number] for place, cell in grid.places.items()}
        base = next(place for place, cell in grid.places.items() if cell is study.baseline)
        drawn = heat_map(grid.rows, grid.columns, spreads, (grid.row_title, grid.column_title), unit, base)
        what = "after the last iteration"
    else:
        steps = [iterations(cell, study.metric)[1:] for cell in study.cells]
        spreads = {(r, t): spread for r, row in enumerate(steps) for t, spread in enumerate(row)}
        columns = [str(t) for t in range(1, 1 + max(len(row) for row in steps))]
        labels = [f"{cell.number} · {cell.label}" for cell in study.cells]
        drawn = heat_map(labels, columns, spreads, ("cell", "iteration of the loop"), unit)
        what = "after each iteration"
    return drawn + _caption(
        f"{unit} {what}: mean ± standard deviation over seeds. Darker is worse; the frame marks the smallest"
        f"{', the stroke the baseline' if grid else ''}."
    )


def _iterations(study: Study, unit: str) -> str:
    starts = Spread.of([run.metrics[study.metric][0] for run in study.sweep.runs]).mean
    return curves(study, unit) + _caption(
        "Thick: mean over seeds; shaded: ± one standard deviation; thin: each seed; dashed: the baseline's mean. "
        f"All charts share their axes. The mean parameters, before the picture is looked at: {starts:.1f} mm."
    )


def _seeds(study: Study, unit: str) -> str:
    parts = [seed_dots(study, unit)]
    parts.append(_caption("A dot a run, a stroke at the mean of its cell; dashed: the baseline's mean. Best first."))
    parts += ["<h3>After the last iteration: mean ± standard deviation over seeds</h3>", _table(error_table(study))]
    if study.comparisons:
        parts += ["<h3>Against the baseline</h3>", _table(comparison_table(study)), _caption(words.method(study))]
    return "".join(parts)


def _cost(study: Study, unit: str) -> str:
    if not any(run.result.get("cost") for run in study.sweep.runs):
        return "<p>The runs tell no cost.</p>"
    drawn = cost_charts(study, unit)
    note = (
        "A dot a cell, by its number; bars: ± one standard deviation over seeds; the ring is the baseline. Down and to "
        "the left is better. Costs in which the cells do not differ have no chart."
    )
    return (drawn + _caption(note) if drawn else "") + _table(cost_table(study)) + _caption(words.COSTS_MEASURED)


def _samples(study: Study, count: int) -> str:
    shown = [cell for cell in study.cells if any(pictures(cell.runs[0], kind, count) for kind in PICTURES)]
    if not shown:
        return "<p>The runs have no pictures of samples.</p>"
    first = study.best()
    parts = []
    for cell in sorted(shown, key=lambda cell: (cell is not first, cell is not study.baseline)):
        role = "smallest error" if cell is first else "baseline" if cell is study.baseline else ""
        opened = " open" if role or len(shown) < 3 else ""
        label = f"{cell.number} · {cell.label}, {cell.runs[0].name}{f' ({role})' if role else ''}"
        parts.append(f"<details{opened}><summary>{escape(label)}</summary>{_strips(cell, count)}</details>")
    return "".join(parts)


def _strips(cell: Cell, count: int) -> str:
    parts = []
    for kind in PICTURES:
        found = pictures(cell.runs[0], kind, count)
        parts.append(f"<h3>{kind.capitalize()}</h3>" if found else "")
        for i, picture in enumerate(found, 1):
            parts.append(f'<img class=strip alt="{kind} sample {i}" src="{_data(picture.path)}">')
            parts.append(_caption(words.sample(picture)) if picture.row is not None else "")
    return "".join(parts)


def _protocol(study: Study) -> str:
    rows = [[Entry(line), Entry(value)] for line, value in study.protocol.items()]
    return _table(Table(["", "all runs"], rows), sortable=False)


def _reproduce(study: Study) -> str:
    code, sweep = words.checkout(study), words.sweep_command(study)
    lines = [line for line in (code, sweep) if line]
    parts = [f"<pre>{escape(chr(10).join(lines))}</pre>"] if lines else []
    if not sweep:
        parts.append("<p>The folder has no multirun.yaml, so the command of the whole sweep is unknown.</p>")
    runs = "\n".join(f"# {run.name}\n{words.run_command(run)}" for run in study.sweep.runs)
    opened = "" if sweep else " open"
    parts.append(f"<details{opened}><summary>Each run alone</summary><pre>{escape(runs)}</pre></details>")
    return "".join(parts)


def _unfinished(study: Study) -> str:
    rows = [[Entry(job.name), Entry(job.reason)] for job in study.sweep.unfinished]
    return _table(Table(["job", "why"], rows), sortable=False)


def _table(table: Table, sortable: bool = True) -> str:
    words_of = [all(row[i].value is None for row in table.rows) for i in range(len(table.header))]
    classes = [" class=word" if is_word else "" for is_word in words_of]
    head = "".join(f'<th scope="col"{c}>{escape(name)}</th>' for name, c in zip(table.header, classes, strict=True))
    rows = "".join(
        f"<tr>{''.join(_entry(entry, c) for entry, c in zip(row, classes, strict=True))}</tr>\n" for row in table.rows
    )
    kind = " class=sortable" if sortable else ""
    return f"<div class=scroll><table{kind}><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n"


def _entry(entry: Entry, class_: str) -> str:
    value = "" if entry.value is None else f' data-value="{entry.value!r}"'
    return f"<td{class_}{value}>{escape(entry.text)}</td>"


def _caption(words: str) -> str:
    return f"<p class=caption>{escape(words)}</p>\n"


def _data(path: Path) -> str:
    """A picture as JPEG inside the page: as PNG, those of six runs would weigh eight megabytes."""
    packed = io.BytesIO()
    Image.open(path).convert("RGB").save(packed, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(packed.getvalue()).decode()}"


def _own(name: str) -> str:
    return files("maflab.report").joinpath(name).read_text(encoding="utf-8")
