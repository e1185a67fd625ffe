"""A setting written once: default, help, bounds and what it decides stand at its dataclass field.

Flags (clinicalbert_tf.flags), checks, and the lists of what must not change when a run resumes
come from here.
"""

import dataclasses
import math
import typing
from collections.abc import Sequence
from typing import Any

_KEY = "setting"
# For fields without a default.
REQUIRED = dataclasses.MISSING


@dataclasses.dataclass(frozen=True)
class Setting:
    """What is known about a setting besides its name, type and default.

    Attributes:
        help: one or two sentences with the unit, for --help and the documentation.
        at_least: least value allowed, or None.
        above: value that must be exceeded, or None.
        choices: values allowed, or None for any.
        decisive: whether it shapes the result, so that a run is resumed with the same value only.
        path: whether it names a place, which may differ between workers that hold the same files.
        found_out: whether the default is found out from other settings; --help then shows none.
    """

    help: str
    at_least: float | None = None
    above: float | None = None
    choices: Sequence[str] | None = None
    decisive: bool = False
    path: bool = False
    found_out: bool = False


def setting(default: Any, help: str, **known: Any) -> Any:
    """A dataclass field with its Setting; `known` are further attributes of Setting."""
    metadata = {_KEY: Setting(" ".join(help.split()), **known)}
    if default is REQUIRED:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def settings_of(cls) -> dict[str, tuple[dataclasses.Field, Setting]]:
    """(field, Setting) by name of every setting of a dataclass, in order."""
    return {
        field.name: (field, field.metadata[_KEY])
        for field in dataclasses.fields(cls)
        if _KEY in field.metadata
    }


def decisive_names(cls) -> tuple[str, ...]:
    """The settings that a resumed run must not change."""
    return tuple(name for name, (_, known) in settings_of(cls).items() if known.decisive)


def path_names(cls) -> tuple[str, ...]:
    """The settings that may differ between workers that hold the same files."""
    return tuple(name for name, (_, known) in settings_of(cls).items() if known.path)


def defaults_of(cls) -> dict[str, Any]:
    """Default by name, of the settings that have one."""
    fields = ((name, field) for name, (field, _) in settings_of(cls).items())
    return {name: field.default for name, field in fields if field.default is not REQUIRED}


def kind_of(cls, name: str) -> type:
    """The type of a setting's values: bool, int, float, str or tuple; None aside."""
    hint = typing.get_type_hints(cls)[name]
    kinds = [kind for kind in typing.get_args(hint) or (hint,) if kind is not type(None)]
    origin = typing.get_origin(hint)
    if origin is tuple:
        return tuple
    return typing.get_origin(kinds[0]) or kinds[0]


def check_values(instance) -> None:
    """Checks every setting of a dataclass instance against its choices and bounds.

    Raises:
        ValueError: names the flag, what was expected and what was received.
    """
    for name, (_, known) in settings_of(type(instance)).items():
        value = getattr(instance, name)
        if value is None:
            continue
        if known.choices is not None and value not in known.choices:
            raise ValueError(
                f"Expected --{name} to be one of {', '.join(known.choices)}, received {value!r}."
            )
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"Expected --{name} to be a finite number, received {value}.")
        if known.at_least is not None and value < known.at_least:
            raise ValueError(
                f"Expected --{name} to be at least {known.at_least}, received {value}."
            )
        if known.above is not None and value <= known.above:
            raise ValueError(f"Expected --{name} to be above {known.above}, received {value}.")
