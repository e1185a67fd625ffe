"""Something to do when a heavy module is first imported, without importing it now."""

import importlib.abc
import sys
from collections.abc import Callable
from types import ModuleType

# Takes the module and what runs its code.
Run = Callable[[ModuleType, Callable[[], None]], None]


def when_first_imported(name: str, run: Run) -> None:
    """Calls `run(module, execute)` when a module is first imported, instead of its code alone.

    Asking twice for the same is asking once. A module that is loaded already is left alone.

    Args:
        name: of a module at the top level.
        run: must call `execute()`, which runs the module's own code.
    """
    asked = (f for f in sys.meta_path if isinstance(f, _FirstImport))
    if name not in sys.modules and not any((f.name, f.run) == (name, run) for f in asked):
        sys.meta_path.insert(0, _FirstImport(name, run))


class _FirstImport(importlib.abc.MetaPathFinder):
    """Finds nothing by itself; its loader is another one's with something around it."""

    def __init__(self, name: str, run: Run):
        self.name, self.run = name, run

    def find_spec(self, name, path=None, target=None):
        """Returns the module's specification with a loader that calls `run`, None for others."""
        if name != self.name:
            return None
        # Being found is not being imported: TensorFlow asks where Keras is and leaves it there.
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            if self in sys.meta_path:
                sys.meta_path.remove(self)
            self.run(module, lambda: execute(module))

        spec.loader.exec_module = exec_module
        return spec
