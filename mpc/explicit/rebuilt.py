"""Rebuilt: copies and pickles of a frozen dataclass are built from its fields, checked and read-only like the first."""

from dataclasses import fields
from typing import Any


class Rebuilt:
    """Makes copy.deepcopy and pickle call the class with its fields, in their order; caches stay behind."""

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        """Return the class and its arguments."""
        return type(self), tuple(getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type]
