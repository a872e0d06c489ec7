"""Rows and facts as CSV and JSON, written whole or not at all."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

from mpc.explicit.storage import write_whole


def write_rows(path: str | PathLike[str], columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a CSV file with these columns and a line per row; None is an empty field."""
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, table.getvalue().encode())


def write_facts(path: str | PathLike[str], facts: Mapping[str, Any]) -> None:
    """Write a JSON file."""
    write_whole(path, (json.dumps(facts, indent=1, allow_nan=False) + "\n").encode())
