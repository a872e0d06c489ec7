"""A pytest plugin that checks jaxtyping annotations while the tests run: PYTEST_PLUGINS=tests.shape_checks pytest.

Only functions whose own annotations hold a jaxtyping shape are checked (with beartype). Constructors are not:
the arguments of public things are ArrayLike, and there this project's words answer, not beartype's.
A run that checked nothing fails.
"""

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from beartype import beartype
from jaxtyping import AbstractArray, install_import_hook

PACKAGES = ("plants", "mpc", "yann", "rl", "studies")
ROOT = Path(__file__).parents[1]
checked: set[str] = set()


def check(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` under beartype if its annotations hold a shape, else as it is."""
    if function.__name__ == "__init__" or not any(map(holds_shape, annotations(function))):
        return function
    checked.add(f"{function.__module__}.{function.__qualname__}")
    return beartype(function)


def annotations(function: Callable[..., Any]) -> list[Any]:
    signature = inspect.signature(function)
    return [parameter.annotation for parameter in signature.parameters.values()] + [signature.return_annotation]


def holds_shape(annotation: Any) -> bool:
    if inspect.isclass(annotation) and issubclass(annotation, AbstractArray):
        return True
    return any(map(holds_shape, get_args(annotation)))


def modules_with_shapes(root: Path = ROOT, packages: tuple[str, ...] = PACKAGES) -> list[str]:
    """The modules that import jaxtyping: no others are touched (numba could not compile a checked function)."""
    files = [file for package in packages for file in sorted((root / package).rglob("*.py"))]
    using = [file for file in files if "from jaxtyping import" in file.read_text(encoding="utf-8")]
    return [".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__") for file in using]


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Hook into imports before any conftest.py imports what is to be checked."""
    early = sorted(set(PACKAGES) & set(sys.modules))
    if early:
        raise pytest.UsageError(f"{', '.join(early)} was imported too early: its shapes cannot be checked any more")
    install_import_hook(modules_with_shapes(), f"{__name__}.check")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["shapes"] = sorted(checked)
    elif not checked and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    checked.update(getattr(node, "workeroutput", {}).get("shapes", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"shapes checked while running: {len(checked)} functions")
    if not checked:
        terminalreporter.write_line("FAILED: this run checked no shape at all")
