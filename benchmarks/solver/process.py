"""A worker process under a time limit: it answers, or it is ended."""

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.solver.problems import ROOT

PEERS = ROOT / ".venv-peers" / "bin" / "python"
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS", "NUMBA", "VECLIB_MAXIMUM", "NUMEXPR")}
OURS = "ours"


class Ended(RuntimeError):
    """The process is over: `kind` is "timeout", "crash" (it died) or the name of the error that it reported."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


class Worker:
    """One solver with one problem in a process of its own; use it in a with-block."""

    def __init__(self, solver: str, problem: Path, warm: Path | None, cap: float) -> None:
        self.solver, self.cap = solver, cap
        module = ["ours"] if solver == OURS else ["ppopt", solver]
        python = sys.executable if solver == OURS else str(PEERS)
        command = [python, "-m", f"benchmarks.solver.{module[0]}", *module[1:], str(problem), str(warm or "")]
        environment = os.environ | ONE_THREAD | {"PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.kill()
        self.process.communicate()

    def ready(self, extra: float = 60.0) -> dict:
        """What the start took; `extra` seconds are allowed for loading and the warm-up."""
        return self._answer(self.cap + extra)

    def ask(self, command: str) -> dict:
        """The answer to one command, within the cap; raises Ended."""
        try:
            self.process.stdin.write(f"{command}\n".encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the reason may stand in its last answer
        return self._answer(self.cap)

    def _answer(self, limit: float) -> dict:
        end, text = time.monotonic() + limit, b""
        while not text.endswith(b"\n"):
            waiting = select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))[0]
            if not waiting:
                raise Ended("timeout", f"no answer within {limit:g} s")
            part = os.read(self.process.stdout.fileno(), 65536)
            if not part:
                raise Ended("crash", f"the process ended with status {self.process.wait()}")
            text += part
        answer = json.loads(text)
        if "error" in answer:
            raise Ended(answer["kind"], answer["error"])
        return answer
