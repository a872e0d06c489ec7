"""A law, or the policy trained from it, as the text of C files: source, header, self-test and data sheet."""

import hashlib
import json
from dataclasses import dataclass

from mpc.explicit.law import PiecewiseAffineLaw
from yann.actor import YannActor
from yann.export_c_design import Design
from yann.export_c_files import ENVIRONMENT, comment
from yann.export_c_form import Outside, Precision
from yann.export_c_graph import WAYS, GraphTables
from yann.export_c_pairs import Pairs, reference_pairs
from yann.export_c_sheet import DataSheet, data_sheet
from yann.export_c_steps import Fade, named_arrays


@dataclass(frozen=True, eq=False)
class LawTexts:
    """The files of one law, as texts in the order of ENDS, and its figures."""

    contents: tuple[str, ...]
    sheet: DataSheet


def law_texts(
    policy: PiecewiseAffineLaw | YannActor, name: str, precision: Precision, outside: Outside, filtered: str = ""
) -> LawTexts:
    """Return the files of a law or actor; `filtered` is the digest of a filter that is the last step, '' without one.

    Raises NetworkError for a policy that has no C.
    """
    tables = GraphTables(Design.of(policy), precision, outside)
    pairs = reference_pairs(tables)
    sheet = data_sheet(tables, pairs, name, _digest(tables))
    return LawTexts(_contents(tables, pairs, sheet, filtered), sheet)


def _digest(tables: GraphTables) -> str:
    """Return the SHA-256 of the design, its precision and what happens outside."""
    choices = json.dumps([tables.precision.name, tables.outside.text, tables.backup.tolist()])
    return hashlib.sha256((tables.design.digest + choices).encode()).hexdigest()


def _contents(tables: GraphTables, pairs: Pairs, sheet: DataSheet, filtered: str) -> tuple[str, ...]:
    design, constants = tables.design, tables.all
    title = f"{len(design.law.regions)} regions, {design.law.t} states to {design.law.m} inputs"
    title += ", with a trained residual" if design.net else ""
    common = {
        "name": sheet.name,
        "macro": sheet.name.upper(),
        "title": title,
        "about": [comment(line) for line in _about(sheet)],
        "real": tables.precision.name,
        "largest": tables.precision.largest,
        "t": design.law.t,
        "m": design.law.m,
        "p": len(design.law.regions),
        "digest": sheet.digest,
        "filtered": filtered,
    }
    source = {
        "net": design.net and _net_sizes(tables),
        "nodes": len(tables.graph.rows),
        "depth": sheet.depth,
        "ways": WAYS,
        "moves": sheet.moves,
        "height": " + ".join(f"a[{j}] * d[{j}]" for j in range(design.law.t)) + f" - a[{design.law.t}]",
        "level": _balanced([*(f"a[{j}] * d[{j}]" for j in range(design.law.t)), f"-a[{design.law.t}]"]),
        "tables": constants,
        "index_types": sorted({table.type for table in constants if table.whole}),
        "largest_index": max(int(table.values.max()) for table in constants if table.whole),
        "centred": tables.centred,
        "scans_outside": tables.outside.scans,
        "holds": tables.outside.holds,
        "outside_text": tables.outside.text,
    }
    test = {"tables": pairs.tables(tables), "pairs": sheet.pairs, "checksum": sheet.checksum}
    test["asked"] = f"{sheet.name}_{'wanted' if filtered else 'eval'}"
    words = {"error": sheet.error_bound, "residual": sheet.residual_error_bound, "tolerance": sheet.tolerance}
    listed = {f"{key}_text": ", ".join(f"{value:.2g}" for value in values) for key, values in words.items()}
    return (
        ENVIRONMENT.get_template("export_c.h.j2").render(common | source),
        ENVIRONMENT.get_template("export_c.c.j2").render(common | source),
        ENVIRONMENT.get_template("export_c_selftest.c.j2").render(common | test),
        ENVIRONMENT.get_template("export_c.md.j2").render(
            common | listed | {"sheet": sheet, "continuous": design.continuous}
        ),
        json.dumps(sheet.to_dict(), indent=1) + "\n",
    )


def _net_sizes(tables: GraphTables) -> dict[str, object]:
    net = tables.design.net
    if net is None:
        return {}
    return {
        "width": net.width,
        "steps": [{"table": table, "fades": table.startswith("fade")} for table in named_arrays(net.steps)],
        "fades": any(isinstance(step, Fade) for step in net.steps),
        "by_region": len(net.outer) > 1 or net.head is not None or bool(net.steps),
        "tanh": bool(net.width) or net.bound is not None,
        "hidden": net.hidden,
        "pairs": net.pairs,
        "heads": net.head is not None,
        "bounded": net.bound is not None,
        "network": net.network is not None,
        "own_first": len(net.inner) > 1,
        "own_second": len(net.outer) > 1,
    }


def _balanced(terms: list[str]) -> str:
    """Return a sum in pairs, whose terms a processor adds side by side: the band forgives their order."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return f"({_balanced(terms[:half])} + {_balanced(terms[half:])})"


def _about(sheet: DataSheet) -> list[str]:
    """Return what the head of each file says: states, inputs, design."""
    states = [f"x[{i}]: {text}" for i, text in enumerate(sheet.states)]
    inputs = [f"u[{i}]: {text}" for i, text in enumerate(sheet.inputs)]
    return [*states, *inputs, f"design (SHA-256): {sheet.digest}"]
