"""What was run: settings, seeds, versions and hashes, as a report lists them."""

from collections.abc import Iterator, Mapping
from typing import Any

from studies.result import StudyResult


def facts(result: StudyResult) -> Iterator[tuple[str, Any]]:
    """Yield what was run: settings, versions, hashes."""
    yield "command", result.provenance["command"]
    yield "seeds trained", ", ".join(str(seed) for seed in result.methods[0].seeds)
    yield from flat(result.settings)
    provenance = {name: value for name, value in result.provenance.items() if name != "command"}
    yield from flat(provenance)


def flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield (name, text) of nested settings, names joined by dots."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            yield prefix + name, ", ".join(str(item) for item in value)
        else:
            yield prefix + name, "by the critic's, else .99" if name == "discount" and value is None else str(value)


def check_words(result: StudyResult) -> Iterator[str]:
    """Yield what was verified of each network before training, a sentence each."""
    for name, check in result.checks.items():
        count = sum(check["points"].values())
        yield (
            f"Before training the {name} is the law: worst difference {check['max_error']:.1e} of the input's range on "
            f"{count:,} points."
        )
