"""Results inside a document: the text between two marks is replaced, all else stays."""

from pathlib import Path


def insert(path: Path, name: str, text: str) -> None:
    """Put `text` between <!-- name --> and <!-- /name --> of the file; raises ValueError if the marks are missing."""
    before, opening, rest = path.read_text().partition(f"<!-- {name} -->\n")
    _, closing, after = rest.partition(f"<!-- /{name} -->")
    if not (opening and closing):
        raise ValueError(f"{path} lacks the marks <!-- {name} --> and <!-- /{name} -->; add both, each on its own line")
    path.write_text(f"{before}{opening}{text.strip()}\n{closing}{after}")
