"""The files of a C export: their names, the folder, the templates."""

import re
from os import PathLike
from pathlib import Path
from tempfile import TemporaryFile

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from plants.arrays import instance_of
from yann.errors import NetworkError

KEYWORDS = frozenset(
    re.findall(
        r"\w+",
        """auto break case char const continue default do double else enum extern float for goto if int long register
        return short signed sizeof static struct switch typedef union unsigned void volatile while inline restrict asm
        bool catch class delete explicit export false friend mutable namespace new operator private protected public
        template this throw true try typename using virtual main""",
    )
)
HEADERS = frozenset(
    re.findall(
        r"\w+",
        """assert complex ctype errno features fenv float inttypes iso646 limits locale math setjmp signal stdarg
        stdbool stddef stdint stdio stdlib string tgmath time wchar wctype""",
    )
)
TAKEN = frozenset({"leaf"})
"""Names whose functions would be called as a table is."""

LONGEST = 20
"""Letters of a name, so that the longest identifier made of it is one of C89 (31)."""

ENVIRONMENT = Environment(
    loader=PackageLoader("yann", "templates"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)

ENDS = (".h", ".c", "_selftest.c", ".md", ".json")
"""How the names of one export's files end."""


def checked_name(name: object) -> str:
    """Return a name of which identifiers of C can be made; raises NetworkError for another."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise NetworkError(f"`name` is {name!r}, but names in C are letters, digits and _ after a letter, as in 'law'")
    if len(name) > LONGEST:
        raise NetworkError(f"`name` is {len(name)} letters long, but C89 tells only {LONGEST} apart here; shorten it")
    if name in KEYWORDS | TAKEN or name.lower() in HEADERS:
        kind = "a table" if name in TAKEN else "a word" if name in KEYWORDS else "a header"
        raise NetworkError(f"`name` is {name!r}, which is {kind} of C; pass another one, as in 'law'")
    return name


def checked_paths(directory: object, name: str) -> list[Path]:
    """Return where the files of a name go, in the order of ENDS.

    Raises NetworkError for what is no folder or takes no files, and where a link or a folder would be replaced.
    """
    instance_of(directory, (str, PathLike), "directory", NetworkError, "pass the path of a folder")
    folder = Path(directory)  # type: ignore[arg-type]
    if not folder.is_dir():
        kind = "is no folder" if folder.exists() else "does not exist"
        raise NetworkError(f"`directory` {folder} {kind}; make it first, or pass another")
    _check_writable(folder)
    paths = [folder / f"{name}{end}" for end in ENDS]
    for path in paths:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            kind = "a link" if path.is_symlink() else "no file"
            raise NetworkError(f"{path} is {kind}, which export_c does not replace; remove it or pass another `name`")
    return paths


def _check_writable(folder: Path) -> None:
    """Raise NetworkError for a folder that takes no files, before the first of them is written."""
    try:
        with TemporaryFile(dir=folder):
            return
    except OSError as error:
        reason = error.strerror or str(error)
        raise NetworkError(
            f"`directory` {folder} takes no files ({reason}); pass one that may be written to"
        ) from error


def comment(text: str) -> str:
    """Return a text that cannot end a comment of C, in ASCII."""
    plain = text.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")
    return " ".join(plain.encode("ascii", "backslashreplace").decode().split())
