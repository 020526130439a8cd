"""A mock server for contract tests against the task API of OceanBase Cloud Platform (OCP).

Importing this imports nothing else: a test run that has the package installed and does not use it pays nothing.
"""

from importlib import import_module

TYPE_CHECKING = False
"""As `typing` has it, whose import would be most of what importing this costs."""

if TYPE_CHECKING:
    from mockserver.app import create_app
    from mockserver.fixtures.mistakes import FixtureError
    from mockserver.fixtures.scenarios import Scenario, scenarios
    from mockserver.testing.client import ControlError
    from mockserver.testing.handle import Handle
    from mockserver.testing.server import MockServer

__version__ = "0.2.0"
__all__ = ["ControlError", "FixtureError", "Handle", "MockServer", "Scenario", "__version__", "create_app", "scenarios"]

_ROOMS = {
    "ControlError": "testing.client",
    "FixtureError": "fixtures.mistakes",
    "Handle": "testing.handle",
    "MockServer": "testing.server",
    "Scenario": "fixtures.scenarios",
    "create_app": "app",
    "scenarios": "fixtures.scenarios",
}


if not TYPE_CHECKING:  # where a type checker sees it, every misspelt name is an `object`

    def __getattr__(name: str) -> object:
        if name not in _ROOMS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"mockserver.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
