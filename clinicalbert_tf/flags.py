"""Settings' fields -> command line flags, and back."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from absl import flags

from clinicalbert_tf.setting_fields import Setting, kind_of, settings_of

FLAGS = flags.FLAGS
# --help of a command lists the flags that are defined here for it.
flags.disclaim_key_flags()
_DEFINE = {
    bool: flags.DEFINE_bool,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
    tuple: flags.DEFINE_string,
}


def define_flags(
    cls,
    left_out: Collection[str] = (),
    defaults: Mapping[str, Any] | None = None,
    flag_values: flags.FlagValues = FLAGS,
) -> None:
    """Defines a flag for every setting of a dataclass; to be called as a command is imported.

    Args:
        cls: a dataclass whose fields were made with setting_fields.setting.
        left_out: settings that the command has no flag for.
        defaults: the command's own defaults, for --help; None for those that are found out.
        flag_values: where the flags go.
    """
    defaults = defaults or {}
    for name, (field, known) in settings_of(cls).items():
        if name in left_out:
            continue
        default = None if known.found_out else field.default
        if name in defaults:
            default = defaults[name]
        elif default is dataclasses.MISSING or isinstance(default, tuple):
            default = None
        define = _DEFINE[kind_of(cls, name)]
        define(name, default, _help(known), flag_values=flag_values)


def define_table(
    table: Iterable[tuple], flag_values: flags.FlagValues = FLAGS, required: Collection[str] = ()
) -> None:
    """Defines flags that are no settings.

    Args:
        table: (define, name, default, help, {further argument: value}) of each, where define is
            one of absl.flags.DEFINE_*; the dict may be left out.
        flag_values: where the flags go.
        required: names of flags that must be given.
    """
    for define, name, default, text, *more in table:
        text = " ".join(text.split())
        define(name=name, default=default, help=text, flag_values=flag_values, **dict(*more))
    for name in required:
        flags.mark_flag_as_required(name, flag_values)


def values_of(cls, values: flags.FlagValues) -> dict[str, Any]:
    """The flags of a dataclass's settings by name, defaults included; for commands of one stage."""
    return {name: values[name].value for name in settings_of(cls) if name in values}


def _help(known: Setting) -> str:
    """The help with the choices, unless it names them all."""
    if known.choices is None or all(choice in known.help for choice in known.choices):
        return known.help
    return f"{known.help} One of {', '.join(known.choices)}."


def given_settings(cls) -> dict[str, Any]:
    """The settings that were given as flags, by name; tuples are read as FIRST,LAST.

    Raises:
        ValueError: a pair of steps is none.
    """
    given = {}
    for name in settings_of(cls):
        if name in FLAGS and FLAGS[name].present:
            value = FLAGS[name].value
            given[name] = steps_pair(name, value) if kind_of(cls, name) is tuple else value
    return given


def steps_pair(name: str, value: str) -> tuple[int, int]:
    """FIRST,LAST of a flag.

    Raises:
        ValueError: it is something else.
    """
    try:
        first, last = (int(part) for part in value.split(","))
    except ValueError:
        first = last = 0
    if not 1 <= first <= last:
        raise ValueError(
            f"Expected --{name} to be two steps FIRST,LAST with 1 <= FIRST <= LAST, received "
            f"{value!r}. Give, for example, --{name}=10,15."
        )
    return first, last
