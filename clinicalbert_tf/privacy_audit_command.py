"""The steps of privacy_audit: what is measured of which model, and where it is written."""

import datetime
import json
import os
from collections.abc import Mapping
from typing import Any

from tfrecords_builder.files import make_private_folder, write_private

_DATA = ("notes", "canaries", "patients")
_NAME = "audit.json"


def audit(asked: Mapping[str, Any]) -> str:
    """Audits the models; writes audit.json and report.html.

    Args:
        asked: the flags by name.

    Returns:
        What is to be printed: words, or JSON.

    Raises:
        FileNotFoundError, ValueError: flags are missing, or a file or model cannot be read.
    """
    asked = _with_default(asked)
    from clinicalbert_tf.inference.privacy.words import lines
    from clinicalbert_tf.report.privacy_page import write_privacy_report

    found = _measure(asked)
    folder = make_private_folder(asked["output_dir"])
    inputs = {name: value for name, value in asked.items() if name not in ("json", "output_dir")}
    write_private(os.path.join(folder, _NAME), json.dumps({**found, "inputs": inputs}, indent=2))
    report = write_privacy_report(found, inputs, folder)
    if asked["json"]:
        return json.dumps(found, indent=2)
    return "\n".join([*lines(found), f"The report: {report}"])


def _with_default(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The flags with a folder to write to, and the embedded default's data if there are none."""
    asked = dict(asked)
    if not asked["output_dir"]:
        now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
        asked["output_dir"] = os.path.join("runs", f"privacy_audit-{now}")
    if not any(asked[name] for name in ("model", "others", *_DATA)):
        from clinicalbert_tf.embedded_patients import prepare

        return asked | prepare(asked["output_dir"])
    if not asked["model"] or not any(asked[name] for name in _DATA):
        raise ValueError(
            "Expected --model, and --patients, --notes or --canaries, received less. Add them, or "
            "give no flag at all for the embedded default."
        )
    return asked


def _measure(asked: Mapping[str, Any]) -> dict[str, Any]:
    from clinicalbert_tf.inference.loading import ModelSource, load_model
    from clinicalbert_tf.inference.privacy.audit import Auditor, AuditSettings, audit_model
    from clinicalbert_tf.inference.privacy.canaries import read_canaries
    from clinicalbert_tf.inference.privacy.patients import read_patients, with_mentions

    canaries = read_canaries(asked["canaries"]) if asked["canaries"] else []
    patients = read_patients(asked["patients"]) if asked["patients"] else []
    if patients and asked["notes"]:
        patients = with_mentions(patients, (row.text for row in _rows(asked["notes"])))
    settings = AuditSettings(
        asked["max_seq_length"],
        asked["sample_tokens"],
        asked["candidates"],
        asked["random_seed"],
        asked["max_patients"],
        asked["max_conditions"],
    )
    found = {}
    for name, path in (("model", asked["model"]), ("before", asked["baseline_model"])):
        if path:
            auditor = Auditor(load_model(ModelSource(path), require_masked_lm=True), settings)
            rows = _rows(asked["notes"]), _rows(asked["others"])
            found[name] = audit_model(auditor, *rows, canaries, patients)
    return found


def _rows(path: str | None):
    from clinicalbert_tf.texts.rows import RowSource, read_rows
    from tfrecords_builder.notes.reading import read_notes

    return read_rows(RowSource(path), read_notes) if path else None
