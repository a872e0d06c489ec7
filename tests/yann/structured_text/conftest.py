"""A small controller: it reads the function block as its standard has it, checks every type, and runs it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

TOKEN = re.compile(r"\d+\.\d+(?:E[+-]?\d+)?|\d+|[A-Za-z]\w*|:=|<=|>=|<>|\.\.|[-+*/()\[\]<>=:;,]")
KINDS = {"DINT": int, "BOOL": bool, "REAL": np.float32, "LREAL": float}
LEVELS = (("OR",), ("AND",), ("=", "<>"), ("<", ">", "<=", ">="), ("+", "-"), ("*", "/"))
"""Operators of two sides, those that bind least first."""

PYTHON = {"OR": "|", "AND": "&", "=": "==", "<>": "!="}
NUMBERS = ("DINT", "REAL", "LREAL")


class NotStructuredTextError(Exception):
    """The text is none, or mixes types."""


def wanted(fine: object, what: str) -> None:
    if not fine:
        raise NotStructuredTextError(what)


class Array(list):
    """Like an array of a controller: a subscript beyond its ends, below 0 included, is an error."""

    read: list[int] | None = None

    def __getitem__(self, i: Any) -> Any:
        wanted(0 <= i < len(self), f"subscript {i} of {len(self)}")
        if self.read is not None:
            self.read.append(i)
        return super().__getitem__(i)

    def __setitem__(self, i: Any, value: Any) -> None:
        wanted(0 <= i < len(self), f"subscript {i} of {len(self)}")
        super().__setitem__(i, value)


class Reader:
    """Turns a function block into Python, statement by statement; names are the same in either case of letters."""

    def __init__(self, text: str) -> None:
        bare = re.sub(r"\(\*.*?\*\)", " ", text, flags=re.DOTALL)
        wanted(not re.sub(r"\s+", "", TOKEN.sub("", bare)), "a character that no token has")
        self.tokens = [*TOKEN.findall(bare), ""]
        self.at = 0
        self.types: dict[str, tuple[str, int | None]] = {}
        self.values: dict[str, Any] = {}
        self.fixed: set[str] = set()
        self.real = "LREAL"

    def take(self, *words: str) -> str:
        token = self.tokens[self.at]
        wanted(not words or token in words, f"{token!r} in place of {words}, token {self.at}")
        self.at += 1
        return token

    def given(self, word: str) -> bool:
        self.at += (found := self.tokens[self.at] == word)
        return found

    def block(self) -> str:
        self.take("FUNCTION_BLOCK")
        self.types[self.take().lower()] = ("block", None)
        while self.tokens[self.at] != "END_VAR" and self.tokens[self.at].startswith("VAR"):
            fixed = self.take("VAR", "VAR_INPUT", "VAR_OUTPUT") == "VAR_INPUT" or self.given("CONSTANT")
            while not self.given("END_VAR"):
                self.declaration(fixed)
        lines = list(self.statements("END_FUNCTION_BLOCK", inside="    "))
        wanted(self.take() == "", "something after the block")
        return "\n".join(lines)

    def declaration(self, fixed: bool) -> None:
        name, last = self.take().lower(), None
        wanted(name not in self.types, f"{name} twice")
        self.take(":")
        if self.given("ARRAY"):
            self.take("[")
            wanted(self.take() == "0", "an array that does not begin at 0")
            self.take("..")
            last = int(self.take())
            self.take("]")
            self.take("OF")
        kind = self.take(*KINDS)
        self.types[name] = (kind, last)
        self.real = kind if kind == "REAL" else self.real
        start: list[Any] = [KINDS[kind]()] * (1 + (last or 0))
        if self.given(":="):
            start = list(self.constants(kind))
            wanted(len(start) == 1 + (last or 0), f"{len(start)} values for {name}")
        self.values[name] = start[0] if last is None else Array(start)
        self.fixed |= {name} if fixed else set()
        self.take(";")

    def constants(self, kind: str) -> Iterator[Any]:
        self.take("[")
        while True:
            sign, token = ("-" if self.given("-") else ""), self.take()
            wanted(("." in token) == (kind != "DINT"), f"{token} as {kind}")
            yield KINDS[kind](sign + token)
            if self.take(",", "]") == "]":
                return

    def statements(self, *ends: str, inside: str) -> Iterator[str]:
        yield inside + "pass"
        while self.tokens[self.at] not in ends:
            yield from self.statement(inside)
        self.last = self.take()

    def statement(self, inside: str) -> Iterator[str]:
        deeper, word = inside + "    ", self.tokens[self.at]
        if self.given("IF"):
            yield f"{inside}if {self.typed('BOOL', 'THEN')}:"
            yield from self.statements("ELSE", "END_IF", inside=deeper)
            if self.last == "ELSE":
                yield f"{inside}else:"
                yield from self.statements("END_IF", inside=deeper)
        elif self.given("WHILE"):
            yield f"{inside}while {self.typed('BOOL', 'DO')}:"
            yield from self.statements("END_WHILE", inside=deeper)
        elif self.given("FOR"):
            name = self.variable("DINT")
            self.take(":=")
            yield f"{inside}for v[{name!r}] in range({self.typed('DINT', 'TO')}, 1 + {self.typed('DINT', 'DO')}):"
            self.fixed.add(name)
            yield from self.statements("END_FOR", inside=deeper)
            self.fixed.remove(name)
        elif self.given("EXIT"):
            yield f"{inside}break"
        else:
            wanted(word.lower() not in self.fixed, f"{word} is changed")
            kind, target = self.primary()
            self.take(":=")
            value = self.typed(kind)
            yield f"{inside}{target} = {f'dint({value})' if kind == 'DINT' else value}"
        self.take(";")

    def variable(self, kind: str) -> str:
        name = self.take().lower()
        wanted(self.types.get(name) == (kind, None), f"{name} is no {kind}")
        wanted(name not in self.fixed, f"{name} is changed")
        return name

    def typed(self, kind: str, *after: str) -> str:
        found, value = self.expression()
        wanted(found == kind, f"{found} in place of {kind}, token {self.at}")
        if after:
            self.take(*after)
        return value

    def expression(self, level: int = 0) -> tuple[str, str]:
        if level == len(LEVELS):
            return self.unary()
        kind, left = self.expression(level + 1)
        while (sign := self.tokens[self.at]) in LEVELS[level]:
            self.take()
            other, right = self.expression(level + 1)
            wanted(kind == other and (kind in NUMBERS) == (level > 1), f"{kind} {sign} {other}, token {self.at}")
            kind, left = "BOOL" if level < 4 else kind, f"({left} {PYTHON.get(sign, sign)} {right})"
        return kind, left

    def unary(self) -> tuple[str, str]:
        sign = self.tokens[self.at]
        if sign not in ("-", "NOT"):
            return self.primary()
        self.take()
        kind, value = self.unary()
        wanted((kind == "BOOL") == (sign == "NOT"), f"{sign} {kind}")
        return kind, f"(not {value})" if sign == "NOT" else f"(-{value})"

    def primary(self) -> tuple[str, str]:
        word = self.take()
        if word == "(":
            kind, value = self.expression()
            self.take(")")
            return kind, f"({value})"
        if word[0].isdigit():
            return (self.real, f"real({word})") if "." in word else ("DINT", word)
        if word in ("TRUE", "FALSE"):
            return "BOOL", word.title()
        kind, last = self.types.get(word.lower(), ("unknown", None))
        value = f"v[{word.lower()!r}]"
        if last is None:
            return kind, value
        self.take("[")
        return kind, f"{value}[{self.typed('DINT', ']')}]"


def dint(value: int) -> int:
    wanted(-(2**31) <= value < 2**31, f"{value} is no DINT")
    return value


class Block:
    """A function block; its variables live on from call to call, as on a controller."""

    def __init__(self, text: str) -> None:
        reader = Reader(text)
        code = "def scan():\n" + reader.block()
        self.values, self.real = reader.values, KINDS[reader.real]
        self.size = reader.types["x"][1]
        names: dict[str, Any] = {"v": self.values, "real": self.real, "dint": dint}
        exec(compile(code, "block", "exec"), names)  # noqa: S102 - what the reader made of this project's own template
        self.scan = names["scan"]

    def __call__(self, x: np.ndarray) -> tuple[Array, int, bool]:
        self.values["x"] = Array(self.real(value) for value in x)
        wanted(len(x) == 1 + (self.size or 0), "an X of another size")
        with np.errstate(all="ignore"):
            self.scan()
        return self.values["u"], self.values["region"], self.values["valid"]

    def count(self, name: str) -> list[int]:
        """Return a list to which every subscript that is read of this array will be added."""
        self.values[name].read = []
        return self.values[name].read


@pytest.fixture
def controller() -> Callable[[str | Path], Block]:
    """What a controller makes of a file, or of a text."""
    return lambda source: Block(source.read_text("ascii") if isinstance(source, Path) else source)


@pytest.fixture
def not_structured_text() -> type[Exception]:
    """The error of a text that no controller takes."""
    return NotStructuredTextError
