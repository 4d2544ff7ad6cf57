"""Figures share a table only if they were measured alike."""

from collections.abc import Sequence

from maflab.report.errors import ReportError
from maflab.report.runs import Run

_OF_THE_MODEL = {"resolution"}
"""Lines of the card that say what a model is shown, not how it is measured: a sweep may vary them."""


def protocol_card(runs: Sequence[Run]) -> dict[str, str]:
    """The one protocol of all runs, line by line; runs without a card are passed over.

    Raises:
        ReportError: the runs were measured by different protocols; the message has the lines that differ.
    """
    cards = {run.name: _card(run) for run in runs}
    known = {name: card for name, card in cards.items() if len(card) > 1} or cards
    lines = list(dict.fromkeys(line for card in known.values() for line in card))
    values: dict[str, dict[str, list[str]]] = {line: {} for line in lines}
    for name, card in known.items():
        for line in lines:
            values[line].setdefault(card.get(line, "absent"), []).append(name)
    # The split stands in every metrics.json, so it is compared even where there is no card.
    splits = {card["split"] for card in cards.values()}
    differing = [line for line in lines if len(values[line]) > 1 and line not in _OF_THE_MODEL]
    if len(splits) > 1 and "split" not in differing:
        differing.append("split")
        values["split"] = {split: [name for name, card in cards.items() if card["split"] == split] for split in splits}
    if differing:
        table = "\n".join(f"  {line}: {_alternatives(values[line])}" for line in differing)
        raise ReportError(
            f"These runs were measured by different protocols and cannot share a table; they differ in\n{table}"
        )
    return {line: " / ".join(values[line]) for line in lines}


def without_card(runs: Sequence[Run]) -> list[str]:
    """The runs whose metrics.json tells no protocol."""
    return [run.name for run in runs if not run.result.get("protocol")]


def _card(run: Run) -> dict[str, str]:
    card = {str(key): str(value) for key, value in (run.result.get("protocol") or {}).items()}
    return {"split": str(run.result.get("split", "unknown"))} | card


def _alternatives(values: dict[str, list[str]]) -> str:
    return " | ".join(
        f"{value} ({', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''})"
        for value, names in values.items()
    )
