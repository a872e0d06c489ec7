"""Certificates that come with the package, so that a set of known facts need not be designed again."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mpc.safety.certificate import SafetyCertificate

FOLDER = Path(__file__).parent / "certificates"


def shipped(kind: str, facts: Mapping[str, Any]) -> SafetyCertificate | None:
    """Return the certificate of that kind whose content holds exactly these facts, if there is one."""
    for certificate in _all():
        content = certificate.content
        if certificate.kind == kind and all(content.get(name) == value for name, value in facts.items()):
            return certificate
    return None


@cache
def _all() -> tuple[SafetyCertificate, ...]:
    return tuple(SafetyCertificate.load(path) for path in sorted(FOLDER.glob("*.json")))
