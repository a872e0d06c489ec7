"""Names and units of states and inputs: checked once, found again by name."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from plants.errors import PlantError


def checked_names(names: Sequence[str], argument: str) -> tuple[str, ...]:
    """Return `names` as a tuple; raise PlantError unless there is one at least and all differ."""
    given = _texts(names, argument)
    if not given:
        raise PlantError(f"`{argument}` is empty; name at least one component")
    for i, name in enumerate(given):
        if not name.strip():
            raise PlantError(f"`{argument}` has an empty name at index {i}; give every component a name")
        if name in given[:i]:
            raise PlantError(f"`{argument}` has {name!r} at index {given.index(name)} and at {i}; make them differ")
    return given


def checked_units(units: Sequence[str], argument: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return `units` as a tuple, one for each name; raise PlantError for a missing one."""
    given = _texts(units, argument)
    if len(given) != len(names):
        raise PlantError(
            f"`{argument}` has {len(given)} entries, but there are {len(names)} names "
            f"({', '.join(names)}); give one unit each, '-' for none"
        )
    for name, unit in zip(names, given, strict=True):
        if not unit.strip():
            raise PlantError(f"`{argument}`: the unit of {name} is missing; write '-' if it has none")
    return given


def checked_text(text: object, argument: str) -> None:
    """Refuse whatever is no text, or blank."""
    if not isinstance(text, str) or not text.strip():
        raise PlantError(f"`{argument}` is {text!r}, but a text is needed that says something")


def some_names(names: str | Sequence[str], argument: str) -> tuple[str, ...]:
    """Return one name or several, or none at all, as a tuple; raise PlantError for anything else."""
    return (names,) if isinstance(names, str) else _texts(names, argument)


def known_arguments(given: Iterable[str], known: Sequence[str], kind: str) -> None:
    """Raise TypeError, as Python does, for an argument that `kind` does not have, but with the closest that it has."""
    for name in given:
        if name not in known:
            (close,) = get_close_matches(name, known, n=1, cutoff=0.0)
            raise TypeError(f"{kind} has no argument `{name}`; did you mean `{close}`? Known: {', '.join(known)}")


def index_of(name: str, names: Sequence[str], argument: str, error: type[ValueError] = PlantError) -> int:
    """Return where `name` stands in `names`; raise `error` with the closest known name otherwise."""
    if name in names:
        return names.index(name)
    close = get_close_matches(str(name), names, n=1, cutoff=0.0)
    raise error(f"`{argument}` names {name!r}; did you mean {close[0]!r}? Known: {', '.join(names)}")


def _texts(values: Sequence[str], argument: str) -> tuple[str, ...]:
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise PlantError(f"`{argument}` is {values!r}, but a sequence of texts is needed, as in ('angle', 'rate')")
    for i, value in enumerate(values):
        if not isinstance(value, str):
            raise PlantError(f"`{argument}` has {value!r} at index {i}, but every entry must be a text")
    return tuple(values)
