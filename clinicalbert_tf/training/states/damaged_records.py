"""Damaged files of records: named, and with --on_corrupt=skip left out for the rest of the run."""

import json
import os
import time
from collections.abc import Iterable
from typing import Any

from absl import logging

from clinicalbert_tf.input_pipeline.shards import RecordSource, fingerprint_of
from clinicalbert_tf.training.inputs import PretrainingInputs, find_inputs
from clinicalbert_tf.training.settings import PretrainingSettings
from clinicalbert_tf.training.states import run_record
from clinicalbert_tf.training.states.checkpoints import steps_with_state
from tfrecords_builder.tfrecord_files import CorruptRecordsError

KEY = "left_out"
# The chief may be reading the whole corpus to find what another worker has found already.
_SECONDS_FOR_THE_CHIEF = 600.0


def find_sound_inputs(
    settings: PretrainingSettings, left_out: Iterable[str] = ()
) -> PretrainingInputs:
    """find_inputs, without the files that are left out.

    A run that left files out before goes on without them, whatever has become of the files: with
    them, its order of records would be another one.

    Args:
        settings: what was asked for.
        left_out: absolute paths of files to leave out whatever an earlier run did.

    Raises:
        CorruptRecordsError: a file is damaged and on_corrupt is not "skip".
        FileNotFoundError, ValueError: as find_inputs.
    """
    gone = {*left_out, *_left_out_before(settings)}
    while True:
        try:
            inputs = find_inputs(settings, gone)
            break
        except CorruptRecordsError as damage:
            if settings.on_corrupt != "skip":
                raise
            logging.warning("%s", damage)
            gone.add(os.path.abspath(damage.path))
    for source in (inputs.records, inputs.eval_records):
        for path, count in source.left_out if source else ():
            logging.warning(
                "%s is left out: %s are lost, %d stay.",
                *(path, "its records" if count is None else f"{count} records"),
                source.num_records,
            )
    return inputs


def wait_until_recorded(
    settings: PretrainingSettings, inputs: PretrainingInputs, seconds: float | None = None
) -> bool:
    """Waits until the run.json of the chief leaves out what this worker does.

    To end before it would end the chief as well, and the next start would meet the damage again.

    Args:
        settings: what was asked for.
        inputs: what this worker goes on with; its files may lie at other paths than the chief's.
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


def left_out_of(source: RecordSource) -> list[dict[str, Any]]:
    """What run.json says of the files that a source leaves out."""
    return [{"file": os.path.abspath(path), "records": count} for path, count in source.left_out]


def as_if_left_out(earlier: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """An earlier run.json as it would stand without the files that a new one leaves out.

    Args:
        earlier: the run.json that lies in the output folder.
        record: the one of the run that is to start.

    Returns:
        The earlier one, with the counts and fingerprints of the files that are still read.
    """
    inputs = dict(earlier.get("inputs") or {})
    for name in ("records", "eval_records"):
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


def _is_recorded(output_dir: str, inputs: PretrainingInputs) -> bool:
    record = run_record.read_run_record(output_dir) or {}
    for name in ("records", "eval_records"):
        source, recorded = getattr(inputs, name), (record.get("inputs") or {}).get(name) or {}
        if source is not None and recorded.get("fingerprint") != source.fingerprint:
            return False
    return True


def _left_out_before(settings: PretrainingSettings) -> set[str]:
    """What the run in the output folder leaves out, where it has anything to go on from."""
    binding = steps_with_state(settings.output_dir) or settings.on_corrupt == "skip"
    if not settings.do_train or not binding:
        return set()
    try:
        with open(os.path.join(settings.output_dir, run_record.NAME), encoding="utf-8") as file:
            inputs = json.load(file)["inputs"]
        sources = filter(None, (inputs.get("records"), inputs.get("eval_records")))
        return {entry["file"] for source in sources for entry in source.get(KEY) or ()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # Refused with its reason by run_record.check_resumable.
        return set()
