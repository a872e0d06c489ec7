"""Which checker verifies which kind of safety certificate; each stands alone, with numpy only."""

from collections.abc import Mapping
from types import MappingProxyType, ModuleType

from mpc.safety import check_linear, check_pendulum, check_reactor

_MODULES = (check_linear, check_pendulum, check_reactor)
CHECKERS: Mapping[str, ModuleType] = MappingProxyType({module.HEADER["kind"]: module for module in _MODULES})
