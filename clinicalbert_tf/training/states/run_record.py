"""`run.json`: what made a run, and the refusal to resume it with other settings."""

import json
import os
import platform
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from typing import Any

from clinicalbert_tf.run_files import RECORD_NAME
from tfrecords_builder import schema
from tfrecords_builder.files import write_private

_DISTRIBUTIONS = ("clinicalbert_tf", "tensorflow", "keras", "keras-nlp", "numpy")


def write_run_record(output_dir: str, record: dict[str, Any], name: str = RECORD_NAME) -> str:
    """Writes run.json in one rename and returns its path."""
    path = os.path.join(output_dir, name)
    write_private(path, as_text(record))
    return path


def as_text(record: dict[str, Any]) -> str:
    """The text of run.json."""
    return json.dumps(record, indent=1, sort_keys=True) + "\n"


def versions() -> dict[str, str]:
    """Versions of Python and of what a run's numbers depend on."""
    found = {"python": platform.python_version()}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            # Run from a checkout that is not installed.
            found[name] = "not installed"
    return found


def machine() -> dict[str, Any]:
    """The kind of machine that a run is on; not which one."""
    return {"system": platform.platform(), "processors": os.cpu_count()}


def describe_file(path: str | None) -> dict[str, str] | None:
    """A file's path and SHA-256."""
    return None if path is None else {"path": path, "sha256": schema.file_sha256(path)}


def read_run_record(output_dir: str) -> dict[str, Any] | None:
    """What a folder's run.json says, or None if it has no readable one."""
    try:
        with open(os.path.join(output_dir, RECORD_NAME), encoding="utf-8") as file:
            record = json.load(file)
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def check_resumable(
    output_dir: str,
    record: dict[str, Any],
    decisive: Iterable[str],
    defaults: Mapping[str, Any],
    adjust: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]] | None = None,
) -> None:
    """Checks that a run may resume from what lies in its output folder.

    Args:
        output_dir: a folder with at least one saved state.
        record: the run.json of the run that is to start.
        decisive: dotted paths in it that must not have changed ("settings.seed").
        defaults: of settings by name, for records of versions that lacked one.
        adjust: from the earlier record and this one to the earlier one as it is to be compared.

    Raises:
        ValueError: the folder has no run.json, or one with other values; names all of them.
    """
    earlier = read_run_record(output_dir)
    if earlier is None:
        raise ValueError(
            f"Expected a readable {RECORD_NAME} beside the checkpoints of {output_dir}, found "
            "none. Put it back or use another --output_dir."
        )
    if adjust is not None:
        earlier = adjust(earlier, record)
    # Versions with one task only did not describe it.
    settings = {**defaults, **(earlier.get("settings") or {})}
    # Tuples are lists once they were written.
    record = json.loads(json.dumps(record))
    earlier = {"task": {}, **earlier, "settings": settings}
    differences = []
    for name in decisive:
        before, now = _at(earlier, name), _at(record, name)
        if before != now:
            differences.append(f"{name.split('.', 1)[-1]} was {before!r}, is now {now!r}")
    if differences:
        raise ValueError(
            f"{output_dir} holds a run with other settings: {'; '.join(differences)}. Resuming "
            "it would mix two runs. Give the earlier values or another --output_dir."
            f"{_longer(differences, output_dir)}"
        )


def _longer(differences: list[str], output_dir: str) -> str:
    """How to train longer than was asked for, if that is what differs."""
    if not any(difference.startswith("num_train_steps ") for difference in differences):
        return ""
    return (
        " The learning rate has fallen towards the earlier last step; to train on from what was "
        f"reached, give --init_checkpoint={output_dir} and another --output_dir."
    )


def _at(record: dict[str, Any], name: str) -> Any:
    for key in name.split("."):
        record = record.get(key) if isinstance(record, dict) else None
    return record
