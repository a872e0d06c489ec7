"""SafetyCertificate: what was proved of a safe set, in one file that an independent checker verifies again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class SafetyCertificate:
    """`content` is everything that the checker of its `kind` needs, `assumptions` what the proof rests on, in words."""

    kind: str
    content: Mapping[str, Any]
    assumptions: tuple[str, ...]
