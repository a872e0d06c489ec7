"""python -m benchmarks.certify_random: solve and certify 300 random problems, every third of them degenerate.

Each law is proved by `law.certify()`; any that is not is named with its findings, and the exit code is 1.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.progress import track

from benchmarks.random_problems import SEED, drawn
from mpc import solve_explicit

MOST = 3  # findings that are printed for a law


@dataclass(frozen=True)
class Proof:
    """What became of one problem; seconds are processor time, `trouble` says what is wrong (empty: certified)."""

    number: int
    kind: str
    regions: int = 0
    facets: int = 0
    slivers: int = 0
    solving: float = 0.0
    proving: float = 0.0
    trouble: tuple[str, ...] = ()


def proof(number: int, seed: int) -> Proof:
    draft = drawn(number, seed)
    start = time.process_time()
    try:
        law = solve_explicit(draft.problem)
        solving, start = time.process_time() - start, time.process_time()
        certificate = law.certify()
    except (ArithmeticError, LookupError, ValueError, AssertionError) as error:
        return Proof(number, draft.kind, trouble=(f"{type(error).__name__}: {error}",))
    return Proof(
        number=number,
        kind=draft.kind,
        regions=certificate.regions,
        facets=certificate.facets,
        slivers=certificate.slivers,
        solving=solving,
        proving=time.process_time() - start,
        trouble=() if certificate.ok else tuple(map(str, certificate.failures)) or (certificate.partial,),
    )


def table(proofs: Sequence[Proof]) -> str:
    """One line for each kind of problem, and one for all."""
    kinds = list(dict.fromkeys(one.kind for one in proofs))
    rows = [row(kind, [one for one in proofs if one.kind == kind]) for kind in kinds]
    head = ("kind", "problems", "certified", "regions", "facets", "ms per region: solve", "certify")
    return "\n".join(["| " + " | ".join(head) + " |", "|---" * len(head) + "|", *rows, row("all", proofs)])


def row(name: str, proofs: Iterable[Proof]) -> str:
    proofs = list(proofs)
    whole: Counter[str] = Counter()
    for one in proofs:
        whole.update(regions=one.regions, facets=one.facets, certified=int(not one.trouble))
    seconds = sum(one.solving for one in proofs), sum(one.proving for one in proofs)
    each = [f"{1e3 * total / max(1, whole['regions']):.3g}" for total in seconds]
    cells = (name, len(proofs), whole["certified"], whole["regions"], whole["facets"], *each)
    return "| " + " | ".join(map(str, cells)) + " |"


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.certify_random", description=__doc__)
    parser.add_argument("numbers", nargs="*", type=int, help="problems to take (default: 0 to 299)")
    parser.add_argument("--seed", type=int, default=SEED, help="draw other problems (default %(default)d)")
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> int:
    chosen, console, proofs = arguments(given), Console(soft_wrap=True, highlight=False), []
    proof(0, chosen.seed)  # compiles, before anything is timed
    for number in track(chosen.numbers or range(300), "certifying", console=console, disable=not console.is_terminal):
        proofs.append(proof(number, chosen.seed))
        for words in proofs[-1].trouble[:MOST]:
            console.print(f"problem {number} ({proofs[-1].kind}): {words}", markup=False)
    certified = sum(not one.trouble for one in proofs)
    console.print(table(proofs), markup=False)
    console.print(f"{certified} of {len(proofs)} laws certified, {sum(p.slivers for p in proofs)} slivers not checked")
    return int(certified < len(proofs))


if __name__ == "__main__":
    sys.exit(main())
