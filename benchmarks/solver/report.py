"""Results on disk: JSON with every run, and the tables in Markdown, written anew after every problem."""

import json
from pathlib import Path

from benchmarks.solver.contest import recorded
from benchmarks.solver.first_call import FirstCall
from benchmarks.solver.table import Entry, bars, counts, failures, times


def write(folder: Path, entries: list[Entry], machine: dict[str, str], first: list[FirstCall], left: int) -> None:
    """Write solver.json and solver.md; `left` problems are still to be run."""
    folder.mkdir(parents=True, exist_ok=True)
    record = {"machine": machine, "left": left, "first_call": [vars(call) for call in first]}
    record["problems"] = [
        {
            "name": entry.problem.name,
            "source": entry.problem.source,
            "trusted": entry.problem.trusted,
            "refusal": entry.problem.refusal,
            "ratio": entry.ratio,
            "scores": {name: recorded(score) for name, score in entry.scores.items()},
        }
        for entry in entries
    ]
    (folder / "solver.json").write_text(json.dumps(record, indent=1) + "\n")
    (folder / "solver.md").write_text(text(entries, machine, first, left))


def text(entries: list[Entry], machine: dict[str, str], first: list[FirstCall], left: int) -> str:
    """The tables with all that one must know to read them."""
    partial = [f"**Partial: {left} problems were not run.**", ""] if left else []
    wrong = failures(entries) or ["- none: on every problem that was run the law is right, or refused as it must be"]
    parts = [
        *partial,
        *(f"- {name}: {fact}" for name, fact in machine.items()),
        "",
        "### Ratio to PPOPT's fastest algorithm",
        "",
        *bars(entries),
        "",
        "### First solve of a process",
        "",
        *([str(call) for call in first] or ["- not measured"]),
        "",
        "### Where our law is not right",
        "",
        *wrong,
        "",
        "### Milliseconds",
        "",
        times(entries),
        "",
        "### Regions, and what is wrong with them",
        "",
        counts(entries),
    ]
    return "\n".join(parts) + "\n"
