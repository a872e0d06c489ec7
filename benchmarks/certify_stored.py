"""python -m benchmarks.certify_stored: certify the laws of all stored problems; a table of verdicts and times."""

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track

from benchmarks.solver.document import insert
from benchmarks.solver.problems import KEYS, filed
from mpc import MultiparametricQP, solve_explicit
from mpc.explicit.certificate import Certificate

HEAD = ("problem", "parameters", "regions", "facets", "ms per region", "verdict", "widest gap", "slivers")


@dataclass(frozen=True)
class Proof:
    """The certificate of one law, and the processor seconds of the fastest of several."""

    name: str
    parameters: int
    trusted: int | None
    certificate: Certificate
    seconds: float

    @property
    def row(self) -> str:
        one = self.certificate
        verdict = "ok" if one.ok else "NOT OK"
        if self.trusted not in (None, one.regions):
            verdict += f", trusted count {self.trusted}"
        each = 1e3 * self.seconds / one.regions
        cells = (self.name, self.parameters, one.regions, one.facets, f"{each:.2f}", verdict, f"{one.gap:.0e}")
        return "| " + " | ".join(map(str, (*cells, one.slivers))) + " |"


def stored() -> list[tuple[str, int | None, MultiparametricQP]]:
    """Name, trusted count of regions and problem of all that have a law."""
    found = []
    for one in filed():
        if not one.refusal:
            *arrays, equalities = (one.arrays[key] for key in KEYS)
            problem = MultiparametricQP(*arrays, equality_rows=tuple(equalities.tolist()))
            found.append((one.name, one.trusted, problem))
    return sorted(found, key=lambda entry: entry[0])


def proof(name: str, trusted: int | None, problem: MultiparametricQP, times: int) -> Proof:
    law, taken = solve_explicit(problem), []
    for _ in range(times):
        start = time.process_time()
        law.certify()
        taken.append(time.process_time() - start)
    assert law.certificate is not None
    return Proof(name, problem.t, trusted, law.certificate, min(taken))


def table(proofs: list[Proof]) -> str:
    return "\n".join(["| " + " | ".join(HEAD) + " |", "|---" * len(HEAD) + "|", *(one.row for one in proofs)])


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.certify_stored", description=__doc__)
    parser.add_argument("names", nargs="*", help="problems to take: parts of their names (default: all)")
    parser.add_argument(
        "--times", type=int, default=3, help="certify so often, least time counts (default %(default)d)"
    )
    parser.add_argument("--document", type=Path, help="a page with <!-- stored --> marks for the table")
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> int:
    chosen, console = arguments(given), Console(soft_wrap=True, highlight=False)
    problems = [entry for entry in stored() if not chosen.names or any(part in entry[0] for part in chosen.names)]
    watched = track(problems, "certifying", console=console, disable=not console.is_terminal)
    proofs = [proof(*entry, chosen.times) for entry in watched]
    for one in proofs:
        if not one.certificate.ok:
            console.print(f"{one.name}: {one.certificate}", markup=False)
    console.print(table(proofs), markup=False)
    if chosen.document:
        insert(chosen.document, "stored", table(proofs))
    return int(not all(one.certificate.ok for one in proofs))


if __name__ == "__main__":
    sys.exit(main())
