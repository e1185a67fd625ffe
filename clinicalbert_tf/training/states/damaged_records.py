"""Damaged files of records: named, and with --on_corrupt=skip left out for the rest of the run."""

import json
import os
import time
from collections.abc import Iterable
from typing import Any

from absl import logging

from clinicalbert_tf.input_pipeline.record_source import fingerprint_of
from clinicalbert_tf.run_files import RECORD_NAME
from clinicalbert_tf.training.inputs import RunInputs
from clinicalbert_tf.training.settings import RunSettings
from clinicalbert_tf.training.states import run_record
from clinicalbert_tf.training.states.checkpoints import steps_with_state
from tfrecords_builder.tfrecord_files import CorruptRecordsError

KEY = "left_out"
# The chief may be reading the whole corpus to find what another worker has found already.
_SECONDS_FOR_THE_CHIEF = 600.0


def find_sound_inputs(task, settings: RunSettings, left_out: Iterable[str] = ()) -> RunInputs:
    """The task's inputs, without the files that are left out.

    A run that left files out before continues without them, whatever has become of the files: with
    them, its order of records would be another one.

    Args:
        task: a tasks.task.Task.
        settings: what was asked for.
        left_out: absolute paths of files to leave out whatever an earlier run did.

    Raises:
        CorruptRecordsError: a file is damaged and on_corrupt is not "skip".
        FileNotFoundError, ValueError: as the task's find_inputs.
    """
    gone = {*left_out, *_left_out_before(settings)}
    while True:
        try:
            inputs = task.find_inputs(settings, gone)
            break
        except CorruptRecordsError as damage:
            if settings.on_corrupt != "skip":
                raise
            logging.warning("%s", damage)
            gone.add(os.path.abspath(damage.path))
    for source in inputs.sources:
        for left in source.describe().get(KEY) or ():
            count = left["records"]
            logging.warning(
                "%s is left out: %s are lost, %d stay.",
                *(left["file"], "its records" if count is None else f"{count} records"),
                source.num_examples,
            )
    return inputs


def wait_until_recorded(
    settings: RunSettings, inputs: RunInputs, seconds: float | None = None
) -> bool:
    """Waits until the run.json of the chief leaves out what this worker does.

    To end before it would end the chief as well, and the next start would meet the damage again.

    Args:
        settings: what was asked for.
        inputs: what this worker continues with; its files may lie at other paths than the chief's.
        seconds: how long to wait; None for a time that is long enough to read a corpus.

    Returns:
        Whether it does.
    """
    seconds = _SECONDS_FOR_THE_CHIEF if seconds is None else seconds
    deadline = time.monotonic() + seconds
    logging.info("Waiting up to %g s for the chief to record what is left out.", seconds)
    while not _is_recorded(settings.output_dir, inputs):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def as_if_left_out(earlier: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """An earlier run.json as it would stand without the files that a new one leaves out.

    Args:
        earlier: the run.json that lies in the output folder.
        record: the one of the run that is to start.

    Returns:
        The earlier one, with the counts and fingerprints of the files that are still read.
    """
    inputs = dict(earlier.get("inputs") or {})
    for name in _sources_of(inputs):
        before, now = inputs.get(name), (record.get("inputs") or {}).get(name)
        if before and now and now.get(KEY) and "digests" in before:
            inputs[name] = _without(before, {entry["file"] for entry in now[KEY]})
    return {**earlier, "inputs": inputs}


def _without(source: dict[str, Any], gone: set[str]) -> dict[str, Any]:
    rows = zip(source["files"], source["counts"], source["digests"], strict=True)
    kept = [row for row in rows if os.path.abspath(row[0]) not in gone]
    return {
        **source,
        "num_records": sum(count for _, count, _ in kept),
        "fingerprint": fingerprint_of(digest for *_, digest in kept),
    }


def _is_recorded(output_dir: str, inputs: RunInputs) -> bool:
    record = run_record.read_run_record(output_dir) or {}
    recorded = [
        source.get("fingerprint") for source in _sources_of(record.get("inputs") or {}).values()
    ]
    return all(source.fingerprint in recorded for source in inputs.sources)


def _sources_of(inputs: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What run.json says of its sources, by name: all that counts records."""
    return {
        name: source
        for name, source in inputs.items()
        if isinstance(source, dict) and "num_records" in source
    }


def _left_out_before(settings: RunSettings) -> set[str]:
    """What the run in the output folder leaves out, where it has anything to resume from."""
    binding = steps_with_state(settings.output_dir) or settings.on_corrupt == "skip"
    if not settings.do_train or not binding:
        return set()
    try:
        with open(os.path.join(settings.output_dir, RECORD_NAME), encoding="utf-8") as file:
            inputs = json.load(file)["inputs"]
        sources = _sources_of(inputs).values()
        return {entry["file"] for source in sources for entry in source.get(KEY) or ()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # Refused with its reason by run_record.check_resumable.
        return set()
