"""StudyResult: what a study found, with everything that is needed to repeat it."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from mpc import FileFormatError, PiecewiseAffineLaw
from mpc.explicit.storage import read_archive, write_archive, write_whole
from plants.arrays import Array
from studies.errors import StudyError
from studies.folder import StudyFolder, json_bytes
from studies.guarantee import Guarantee
from studies.method_result import Baseline, MethodResult

KIND = "study result"


@dataclass(frozen=True, eq=False)
class StudyResult:
    """A finished study: its settings, methods, law, test starts (K, n) with the best cost known of each, and checks.

    `stored_best` has for each scenario the least cost (K,) known beforehand; `groups` names slices of the starts;
    `grid` (G, n) are the states of the methods' `grid_inputs`, `path_starts` the indices of the starts whose paths are
    kept; `checks` what was verified before training; `provenance` versions, hashes and the command. `guarantee` is what
    was proved of the safety filter of those methods that end in one, None where none does.
    """

    name: str
    settings: dict[str, Any]
    methods: tuple[MethodResult, ...]
    baselines: tuple[Baseline, ...]
    law: PiecewiseAffineLaw
    starts: Array
    groups: dict[str, list[int]]
    stored_best: dict[str, Array]
    grid: Array
    path_starts: tuple[int, ...]
    checks: dict[str, Any]
    provenance: dict[str, Any]
    guarantee: Guarantee | None = None

    @property
    def best(self) -> Array:
        """Return the least cost (K,) ever seen from each start: stored, or by anyone at any time here.

        Raises StudyError where there are several scenarios: ask one, `within(scenario)`.
        """
        if len(self.stored_best) != 1:
            raise StudyError(f"there are {len(self.stored_best)} scenarios; ask one of them: result.within(scenario)")
        seen = [m.test_costs.min(axis=(0, 1)) for m in self.methods] + [b.costs for b in self.baselines]
        return np.fmin.reduce([*self.stored_best.values(), *seen])

    def within(self, scenario: str) -> "StudyResult":
        """Return what was found in one scenario; raise StudyError for a name that is not there."""
        if scenario not in self.stored_best:
            raise StudyError(f"there is no scenario {scenario!r} (there is: {', '.join(self.stored_best)})")
        return replace(
            self,
            methods=tuple(m for m in self.methods if m.scenario == scenario),
            baselines=tuple(b for b in self.baselines if b.scenario == scenario),
            stored_best={scenario: self.stored_best[scenario]},
        )

    def method(self, name: str) -> MethodResult:
        """Return the method of that name; raise StudyError for one that is not there."""
        for method in self.methods:
            if method.name == name:
                return method
        raise StudyError(f"there is no method {name!r} (there is: {', '.join(m.name for m in self.methods)})")

    def baseline(self, name: str) -> Baseline:
        """Return the baseline of that name; raise StudyError for one that is not there."""
        for baseline in self.baselines:
            if baseline.name == name:
                return baseline
        raise StudyError(f"there is no baseline {name!r} (there is: {', '.join(b.name for b in self.baselines)})")

    def rows(self) -> list[dict[str, Any]]:
        """Return one plain dictionary per method, scenario, seed and test start: the rows of result.json.

        A baseline has no seed (None), and costs after what it cost before.
        """
        return [row for scenario in self.stored_best for row in self.within(scenario)._rows(scenario)]

    def _rows(self, scenario: str) -> Iterator[dict[str, Any]]:
        starts, best = self.starts.tolist(), self.best.tolist()
        for b in self.baselines:
            costs, unsafe = b.costs.tolist(), b.unsafe.tolist()
            for k, start in enumerate(starts):
                facts = {"method": b.name, "scenario": scenario, "seed": None, "start": start}
                told = {"cost_initial": costs[k], "cost_final": costs[k], "cost_best": best[k]}
                yield facts | told | {"violations_training": 0, "violations_test": int(unsafe[k])} | self._beside(None)
        for m in self.methods:
            for s, seed in enumerate(m.seeds):
                for k, start in enumerate(starts):
                    yield {
                        "method": m.name,
                        "scenario": scenario,
                        "seed": seed,
                        "start": start,
                        "cost_initial": float(m.test_costs[s, 0, k]),
                        "cost_final": float(m.test_costs[s, -1, k]),
                        "cost_best": best[k],
                        "violations_training": int(m.violations[s].sum()),
                        "violations_test": int(m.test_unsafe[s, -1, k]),
                        **self._beside(None if m.interventions is None else int(m.interventions[s].sum())),
                    }

    def _beside(self, interventions: int | None) -> dict[str, int | None]:
        """Return the column that studies with filters have besides."""
        return {} if self.guarantee is None else {"interventions_training": interventions}

    def facts(self) -> dict[str, Any]:
        """Return everything but the arrays, for JSON."""
        names = ("name", "settings", "groups", "checks", "provenance")
        facts = {name: getattr(self, name) for name in names}
        facts |= {"path_starts": list(self.path_starts), "scenarios": list(self.stored_best)}
        facts["baselines"] = [[b.name, b.scenario] for b in self.baselines]
        facts["guarantee"] = None if self.guarantee is None else self.guarantee.facts()
        return facts | {"methods": [m.facts() for m in self.methods]}

    def save(self, folder: StudyFolder) -> None:
        """Write law.npz, result.npz and result.json into the folder: all three anew, or none.

        result.json has the SHA-256 of result.npz, and result.npz the law's, so that `load` knows files of two runs.
        """
        arrays = {"starts": self.starts, "stored_best": np.array(list(self.stored_best.values())), "grid": self.grid}
        for i, baseline in enumerate(self.baselines):
            arrays |= {f"baseline.{i}.costs": baseline.costs, f"baseline.{i}.unsafe": baseline.unsafe}
        for i, method in enumerate(self.methods):
            arrays |= {f"{i}.{name}": array for name, array in method.arrays().items()}
        with folder.together() as new:
            self.law.save(new / "law.npz")
            write_archive(new / "result.npz", KIND, self.facts(), arrays)
            rows = {**self.facts(), "result_sha256": _file_digest(new / "result.npz"), "rows": self.rows()}
            write_whole(new / "result.json", json_bytes(rows))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return the result saved in a study's folder.

        Raises FileFormatError for damaged or foreign files, and for files that are not of one run.
        """
        facts, arrays = read_archive(folder / "result.npz", KIND)
        law = PiecewiseAffineLaw.load(folder / "law.npz")
        _check_pair(folder)
        try:
            _check_law(folder, law, facts["provenance"]["law_sha256"])
            methods = tuple(
                MethodResult.of(part, _named(arrays, f"{i}.")) for i, part in enumerate(facts.pop("methods"))
            )
            baselines = tuple(
                Baseline(name, scenario, arrays[f"baseline.{i}.costs"], arrays[f"baseline.{i}.unsafe"])
                for i, (name, scenario) in enumerate(facts.pop("baselines"))
            )
            path_starts = tuple(facts.pop("path_starts"))
            best = dict(zip(facts.pop("scenarios"), arrays["stored_best"], strict=True))
            guarantee = Guarantee.of(facts.pop("guarantee", None))
            known = {"stored_best": best, "starts": arrays["starts"], "grid": arrays["grid"]}
            return cls(
                methods=methods, baselines=baselines, law=law, path_starts=path_starts, guarantee=guarantee,
                **known, **facts,
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as cause:
            raise FileFormatError(
                f"{folder / 'result.npz'} does not hold a whole study ({cause}); run it again"
            ) from cause


def _named(arrays: dict[str, np.ndarray], start: str) -> dict[str, np.ndarray]:
    """Return the arrays whose name starts so, without that start."""
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}


def _file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _check_pair(folder: Path) -> None:
    """Raise FileFormatError unless result.json was written together with result.npz."""
    path = folder / "result.json"
    try:
        stated = json.loads(path.read_bytes()).get("result_sha256")
    except (ValueError, RecursionError, AttributeError) as cause:
        raise FileFormatError(f"{path} is no JSON of a study ({cause}); run the study again") from cause
    found = _file_digest(folder / "result.npz")
    if stated != found:
        raise FileFormatError(
            f"{path} belongs to a result.npz with SHA-256 {str(stated)[:12]}, but the one beside it has {found[:12]}: "
            "they are of two runs; run the study again"
        )


def _check_law(folder: Path, law: PiecewiseAffineLaw, stated: object) -> None:
    """Raise FileFormatError unless `law` is the one that the study was run with."""
    if law.digest != stated:
        raise FileFormatError(
            f"{folder / 'law.npz'} holds the law {law.digest[:12]}, but {folder / 'result.npz'} was made with "
            f"{str(stated)[:12]}; put the study's own law.npz back, or run the study again"
        )
