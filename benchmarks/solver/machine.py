"""What a measurement was made on: processor, cores, load, versions."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

from benchmarks.solver.process import PEERS

OURS = ("numba", "llvmlite", "numpy", "scipy", "daqp", "highspy")
THEIRS = ("ppopt", "cvxopt", "quadprog", "numpy")


def described() -> dict[str, str]:
    """Facts under plain names; the load is that of the last minute before the start."""
    return {
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "load before the start": f"{os.getloadavg()[0]:.2f}",
        "our versions": ", ".join(f"{name} {importlib.metadata.version(name)}" for name in OURS),
        "PPOPT's versions": peer_versions(),
    }


def processor() -> str:
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def peer_versions() -> str:
    if not PEERS.exists():
        return "not installed"
    code = f"import importlib.metadata as m; print(', '.join(n + ' ' + m.version(n) for n in {THEIRS!r}))"
    result = subprocess.run([str(PEERS), "-c", code], capture_output=True, text=True, check=False)
    return result.stdout.strip() or "not installed"
