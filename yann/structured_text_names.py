"""Names that a function block may have, and the words of IEC 61131-3 and of its vendors that it may not."""

import re

from yann.errors import NetworkError

LONGEST = 24
"""Letters of a name; the oldest compilers tell no more apart."""

KEYWORDS = frozenset(
    re.findall(
        r"\w+",
        """abs acos action add and any array asin at atan bool by byte case char concat configuration constant continue
        cos date delete dint div do dt dword else elsif end eq exit exp exponent f_edge false find for from function
        function_block ge goto gt if initial_step insert int interface interval jmp le left len limit lint ln log lreal
        lt lword max method mid min mod move mul mux namespace ne non_retain not of on or override pointer priority
        program public r_edge read_only read_write real repeat replace resource retain return right rol ror sel shl shr
        sin single sint sizeof sqrt step string struct sub super tan task then this time time_of_day tod ton tof tp to
        transition true trunc type udint uint ulint until usint var var_access var_config var_external var_global
        var_in_out var_input var_output var_temp while with word wstring xor""",
    )
)

OWN = frozenset(
    re.findall(
        r"\w+",
        """x u valid region d z stack waiting node best row last k i rival least worst height value depth w factor""",
    )
)
"""Variables of every block; a later factor has its number in the name."""


def checked_name(name: object, tables: set[str]) -> str:
    """Return the name; raises NetworkError for one that structured text, or the block with these tables, has taken."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z](_?[A-Za-z0-9])*", name):
        raise NetworkError(
            f"`name` is {name!r}, but names in structured text are letters, digits and single _ between them, after a "
            "letter, as in 'law'"
        )
    if len(name) > LONGEST:
        raise NetworkError(f"`name` is {len(name)} letters long, but at most {LONGEST} are taken; shorten it")
    if name.lower() in KEYWORDS:
        raise NetworkError(f"`name` is {name!r}, which is a word of structured text; pass another one, as in 'law'")
    if name.lower() in tables or name.lower().rstrip("0123456789") in OWN:
        raise NetworkError(f"`name` is {name!r}, which is a variable of the block; pass another one, as in 'law'")
    return name
