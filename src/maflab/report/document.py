"""The report in Markdown: the tables and the words of the page, without its figures."""

from maflab.report import words
from maflab.report.study import Study
from maflab.report.tables import comparison_table, cost_table, error_table, markdown


def document(study: Study) -> str:
    """The whole document."""
    parts = [f"# {words.title(study)}", words.origin(study), f"**{words.answer(study)}**"]
    parts += ["\n".join(f"- {notice}" for notice in study.notices)] if study.notices else []
    parts += ["## Errors after the last iteration (mean ± standard deviation over seeds)", markdown(error_table(study))]
    if study.comparisons:
        parts += ["## Against the baseline", markdown(comparison_table(study)), words.method(study)]
    parts += ["## Cost", markdown(cost_table(study)), words.COSTS_MEASURED]
    parts += ["## Protocol", "\n".join(f"- {line}: {value}" for line, value in study.protocol.items())]
    lines = [line for line in (words.checkout(study), words.sweep_command(study)) if line]
    lines += [f"# {run.name}\n{words.run_command(run)}" for run in study.sweep.runs]
    parts += ["## Reproduce", "```bash\n" + "\n".join(lines) + "\n```"]
    if study.sweep.unfinished:
        jobs = "\n".join(f"- {job.name}: {job.reason}" for job in study.sweep.unfinished)
        parts += ["## Jobs without figures", jobs]
    return "\n\n".join(parts) + "\n"
