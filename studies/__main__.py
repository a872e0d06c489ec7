"""The command line: `python -m studies ...`, installed as `yann ...`."""

import argparse
import difflib
import shlex
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.text import Text

STUDIES = ("pendulum", "cstr", "safety-reactor", "safety-pendulum")
SUITES = ("safety",)
NAMES = (*STUDIES, *SUITES)
VERBS = ("study", "report")
EXAMPLES = """examples:
  yann pendulum                          the whole study of the pendulum: 10 seeds, 50 episodes, minutes
  yann cstr                              that of the reactor, as it is and with a fouled jacket: many minutes
  yann cstr --quick                      the same in seconds: 2 seeds, 4 episodes
  yann safety                            learners without and inside a safety filter, on both plants: many minutes
  yann study pendulum --seeds 5 --first-seed 100 --out results/other
  yann report results/pendulum           draw the report again from what was saved

A study that is stopped (Ctrl-C) goes on from its last finished block when it is started again."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 refused or failed, 2 wrong usage, 130 stopped."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in NAMES:
        words = ["study", *words]
    parser, console = _parser(), Console(stderr=True)
    if words and not words[0].startswith("-") and words[0] not in VERBS:
        parser.error(_unknown(words[0], "study or command", (*NAMES, *VERBS)))
    options = parser.parse_args(words)
    try:
        return _perform(options, shlex.join(["yann", *words]), console)
    except (KeyboardInterrupt, SystemError) as stop:
        if not isinstance(stop, KeyboardInterrupt) and not _by_hand(stop):
            raise
        console.print("stopped; finished blocks are kept, and the same command goes on from them", highlight=False)
        return 130


def _by_hand(stop: SystemError) -> bool:
    """Return whether Ctrl-C is behind it."""
    from rl.errors import by_hand  # noqa: PLC0415 - as below; compiled code that was stopped has loaded it already

    return by_hand(stop)


def _perform(options: argparse.Namespace, command: str, console: Console) -> int:
    from studies import commands  # noqa: PLC0415 - loading takes seconds; Ctrl-C is answered then too

    try:
        print(commands.VERBS[options.verb](options, command, console))
    except commands.FAILURES as error:
        console.print(Text.assemble(("error:", "bold red"), f" {error}"), soft_wrap=True)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="yann", description="Explicit MPC laws as neural networks: studies and reports.", epilog=EXAMPLES,
        formatter_class=form,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"yann-control {version('yann-control')}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="{study,report}")
    study = verbs.add_parser("study", help="run a study and write its report", epilog=EXAMPLES, formatter_class=form)
    study.add_argument("name", type=_study_name, help=f"one of: {', '.join(NAMES)}; the name alone is short for this")
    study.add_argument("--seeds", type=int, metavar="N", help="number of seeds (default: the study's, 10)")
    study.add_argument("--first-seed", type=int, metavar="K", help="the first of them (default 0)")
    study.add_argument(
        "--episodes", type=int, metavar="N", help="training episodes of each seed (default: the study's)"
    )
    study.add_argument("--workers", type=int, metavar="N", help="processes to use (default: one per core)")
    study.add_argument("--out", type=_folder, metavar="DIR", help="folder to write to (default results/NAME)")
    study.add_argument("--quick", action="store_true", help="2 seeds and 4 episodes, short ones, to see that it works")
    study.add_argument(
        "--paper-networks", action="store_true", help="pendulum, safety: plain networks 256-256, as the paper's (slow)"
    )
    report = verbs.add_parser("report", help="draw the report of a finished study again")
    report.add_argument("folder", type=_folder, help="the study's folder")
    return parser


def _study_name(name: str) -> str:
    if name in NAMES:
        return name
    raise argparse.ArgumentTypeError(_unknown(name, "study", NAMES))


def _unknown(word: str, kind: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, known, 1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"there is no {kind} {word!r}{hint} (there is: {', '.join(known)})"


def _folder(text: str) -> Path:
    if not text.strip():
        raise argparse.ArgumentTypeError("the folder's name is empty; name one, or '.' for this one")
    return Path(text)


if __name__ == "__main__":
    sys.exit(main())
