"""SafetyCertificate: what was proved of a safe set, in one file that an independent checker verifies again.

The file is JSON: format, version, kind, content, assumptions, and the SHA-256 of all these in their canonical form,
keys sorted and without blanks. A checker needs nothing else: `python mpc/safety/check_reactor.py FILE`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from textwrap import fill
from typing import Any, Self

from mpc.explicit.errors import FileFormatError, ProblemError
from mpc.explicit.storage import write_whole
from mpc.safety.checkers import CHECKERS
from mpc.safety.errors import Unverified

FORMAT, VERSION = "yann-control safety certificate", 1
LARGEST = 2**22  # bytes, as the checkers have it
LARGEST_SLACK = 1e100
WIDTH = 100  # characters of a printed line
SENTENCES = "the sentences are its author's: a checker verifies the numbers in the file, not the sentences"
KEYS = ("format", "version", "kind", "content", "assumptions", "sha256")


@dataclass(frozen=True, eq=False)
class SafetyCertificate:
    """`content` is everything that the checker of its `kind` needs, `assumptions` what the proof rests on, in words.

    `content` is plain data, as JSON has it. Its entries "claims", a list of sentences, and "worst", with the least
    "slack" found and its "unit", are printed. Raises ProblemError for anything else.
    """

    kind: str
    content: Mapping[str, Any]
    assumptions: tuple[str, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.kind, str) or not isinstance(self.content, Mapping):
            kinds = type(self.kind).__name__, type(self.content).__name__
            raise ProblemError(f"`kind` must be a text and `content` an object, not {kinds[0]} and {kinds[1]}")
        _check_words(self.content, self.assumptions)
        object.__setattr__(self, "assumptions", tuple(self.assumptions))

    @property
    def document(self) -> dict[str, Any]:
        """Return what the file holds, as plain data; raises ProblemError for content that JSON cannot hold."""
        body = {
            "format": FORMAT,
            "version": VERSION,
            "kind": self.kind,
            "content": self.content,
            "assumptions": list(self.assumptions),
        }
        try:
            text = _canonical(body)
        except (TypeError, ValueError, RecursionError) as cause:
            raise ProblemError(f"`content` of the certificate is no plain, finite data: {cause}; mend it") from cause
        return json.loads(text) | {"sha256": hashlib.sha256(text.encode()).hexdigest()}

    def save(self, path: str | PathLike[str]) -> None:
        """Write it to `path`, whole or not at all.

        Raises OSError as the system gives it, ProblemError for a certificate that is larger than what can be loaded.
        """
        raw = (json.dumps(self.document, indent=1) + "\n").encode()
        if len(raw) > LARGEST:
            raise ProblemError(
                f"the certificate has {len(raw)} bytes, but files of {LARGEST} at most are loaded; design a set of "
                "fewer half-spaces and corners"
            )
        write_whole(path, raw)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Return the certificate in the file at `path`. What it claims is not verified by that: see `verify`.

        Raises FileFormatError for a file that is damaged, too large, of another format or version, or holds NaN or an
        entry twice; FileNotFoundError, IsADirectoryError and PermissionError pass as they are.
        """
        raw = _start(path)
        if len(raw) > LARGEST:
            raise FileFormatError(f"{path} has more than {LARGEST} bytes; no certificate has: pass the right file")
        try:
            document = json.loads(raw, object_pairs_hook=_unique, parse_constant=_no_number)
            _check(path, document)
            return cls(document["kind"], document["content"], document["assumptions"])
        except (ValueError, RecursionError) as cause:
            if isinstance(cause, FileFormatError) and str(path) in str(cause):
                raise
            raise FileFormatError(f"{path} is no safety certificate: {cause}; restore it or write it again") from cause

    def verify(self) -> Any:
        """Return the verdict of the independent checker, which proves everything again: seconds.

        Raises Unverified, with the checker's words, for a certificate that does not hold, and for an unknown kind.
        """
        checker = CHECKERS.get(self.kind)
        if checker is None:
            raise Unverified(f"no checker verifies {self.kind!r}; there are those of {', '.join(map(repr, CHECKERS))}")
        try:
            return checker.check(self.document)
        except checker.Refused as cause:
            raise Unverified(f"the certificate of a {self.kind!r} set does not hold: {cause}") from cause

    def __str__(self) -> str:
        """Return what is claimed, how closely, and what is assumed, in the words of whoever made it."""
        lines = [f"safety certificate ({self.kind})", SENTENCES]
        lines += [_item(claim) for claim in self.content.get("claims", ())]
        worst = self.content.get("worst", {})
        if "slack" in worst:
            lines.append(_item(f"worst slack {worst['slack']:.3g} {worst.get('unit', '')}".rstrip()))
        return "\n".join([*lines, "assumed:", *map(_item, self.assumptions)])


def _start(path: str | PathLike[str]) -> bytes:
    """Return the file's bytes, and of a file that is too large one more than may be."""
    try:
        with Path(path).open("rb") as file:
            return file.read(LARGEST + 1)
    except (TypeError, ValueError) as cause:
        raise FileFormatError(
            f"`path` is {path!r}; pass the path of a file as a text without NUL, or a pathlib.Path"
        ) from cause


def _check_words(content: Mapping[str, Any], assumptions: Any) -> None:
    """Refuse what cannot be printed."""
    claims, worst = content.get("claims", []), content.get("worst", {})
    for name, texts in (("assumptions", assumptions), ("claims", claims)):
        if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
            raise ProblemError(f"`{name}` must be a list of texts, not {str(texts)[:WIDTH]}")
    if not isinstance(worst, Mapping) or not isinstance(worst.get("unit", ""), str):
        raise ProblemError(f"`worst` must be an object of `slack` and, as a text, `unit`, not {str(worst)[:WIDTH]}")
    slack = worst.get("slack", 0.0)
    if isinstance(slack, bool) or not isinstance(slack, int | float) or not abs(slack) < LARGEST_SLACK:
        raise ProblemError(f"`worst.slack` must be a finite number, not {str(slack)[:WIDTH]}")


def _item(text: str) -> str:
    return fill(text, WIDTH, initial_indent="- ", subsequent_indent="  ")


def _canonical(body: Mapping[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; refuse one with an entry twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise FileFormatError("an entry stands twice")
    return found


def _no_number(name: str) -> Any:
    raise FileFormatError(f"it holds {name}")


def _check(path: str | PathLike[str], document: Any) -> None:
    """Refuse a document of another form, format or version, or one that was changed."""
    if not isinstance(document, dict) or set(document) != set(KEYS) or document["format"] != FORMAT:
        raise FileFormatError(f"its entries are not {', '.join(KEYS)} of format {FORMAT!r}")
    if document["version"] != VERSION or isinstance(document["version"], bool):
        raise FileFormatError(
            f"{path} has version {document['version']}, but this release reads {VERSION}; use the release that wrote it"
        )
    body = {key: value for key, value in document.items() if key != "sha256"}
    found = hashlib.sha256(_canonical(body).encode()).hexdigest()
    if found != document["sha256"]:
        raise FileFormatError(
            f"{path}: the checksum is {found[:12]}, not {str(document['sha256'])[:12]}: it is corrupt"
        )
