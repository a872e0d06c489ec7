"""Provenance: what someone else needs to repeat a study."""

import hashlib
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

DISTRIBUTIONS = ("yann-control", "numpy", "scipy", "torch", "casadi", "daqp", "gymnasium")
PACKAGES = ("plants", "mpc", "yann", "rl", "studies")


def provenance(command: str) -> dict[str, Any]:
    """Return versions, machine and source hash."""
    return {
        "command": command,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "versions": {name: version(name) for name in DISTRIBUTIONS},
        "source_sha256": source_digest(),
    }


def source_digest() -> str:
    """Return the SHA-256 of all Python files and data of the five packages, by name and content."""
    whole, root = hashlib.sha256(), Path(__file__).parents[1]
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if path.suffix in {".py", ".json"}:
                whole.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return whole.hexdigest()
