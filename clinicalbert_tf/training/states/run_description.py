"""What `run.json` says of a run."""

import dataclasses
from typing import Any

import tensorflow as tf

from clinicalbert_tf.input_pipeline.shards import RecordSource
from clinicalbert_tf.training.inputs import PretrainingInputs
from clinicalbert_tf.training.settings import PATHS, PretrainingSettings
from clinicalbert_tf.training.states import damaged_records, run_record
from clinicalbert_tf.training.states.positions import trained_positions


def describe_run(
    settings: PretrainingSettings, inputs: PretrainingInputs, num_replicas: int
) -> dict[str, Any]:
    """The record of a run: settings, inputs with their fingerprints, devices and versions."""
    devices = tf.config.list_physical_devices("GPU")
    init = inputs.init_checkpoint
    return {
        "command": "pretrain",
        "settings": dataclasses.asdict(settings),
        "bert_config": inputs.config.to_dict(),
        "inputs": {
            "records": _describe(inputs.records),
            "eval_records": _describe(inputs.eval_records),
            "vocabulary": run_record.describe_file(inputs.vocab_file),
            "init_checkpoint": init
            and {
                "prefix": init,
                "fingerprint": run_record.init_fingerprint(init),
                "trained_positions": trained_positions(init),
            },
        },
        "num_replicas": num_replicas,
        "devices": [_device_name(device) for device in devices] or ["CPU"],
        "machine": run_record.machine(),
        "versions": run_record.versions(),
    }


def _device_name(gpu) -> str:
    details = tf.config.experimental.get_device_details(gpu)
    return details.get("device_name", gpu.name)


def what_workers_share(record: dict[str, Any]) -> dict[str, Any]:
    """What must be the same on all workers; files may lie at other paths."""
    settings = {name: value for name, value in record["settings"].items() if name not in PATHS}
    files = [
        source and source["fingerprint"]
        for name, source in record["inputs"].items()
        if name != "vocabulary"
    ]
    return {"settings": settings, "bert_config": record["bert_config"], "files": files}


def _describe(source: RecordSource | None) -> dict[str, Any] | None:
    return source and {
        "files": list(source.paths),
        "counts": list(source.counts),
        "digests": list(source.digests),
        "num_records": source.num_records,
        "max_seq_length": source.max_seq_length,
        "max_predictions_per_seq": source.max_predictions_per_seq,
        "fingerprint": source.fingerprint,
        "masking": source.masking and dataclasses.asdict(source.masking),
        damaged_records.KEY: damaged_records.left_out_of(source),
    }
