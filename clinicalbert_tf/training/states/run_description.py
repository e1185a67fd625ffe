"""What `run.json` says of a run."""

import dataclasses
from typing import Any

import tensorflow as tf

from clinicalbert_tf.setting_fields import path_names
from clinicalbert_tf.training.inputs import RunInputs
from clinicalbert_tf.training.settings import RunSettings
from clinicalbert_tf.training.states import run_record
from clinicalbert_tf.training.states.initial_weights import describe_initial


def describe_run(task, settings: RunSettings, inputs: RunInputs, num_replicas: int):
    """The record of a run: settings, inputs with their fingerprints, devices and versions.

    Args:
        task: a tasks.task.Task.
        settings: of the run.
        inputs: what it starts from.
        num_replicas: over all workers.

    Returns:
        A dict of what JSON can hold.
    """
    devices = tf.config.list_physical_devices("GPU")
    evaluated = {name: source.describe() for name, source in inputs.eval_sources.items()}
    return {
        "command": task.name,
        "task": task.describe(),
        "shown": [dataclasses.asdict(shown) for shown in task.shown],
        "settings": dataclasses.asdict(settings),
        "bert_config": inputs.config.to_dict(),
        "inputs": {
            "records": inputs.train_source and inputs.train_source.describe(),
            "eval_records": next(iter(evaluated.values()), None),
            # Splits that are evaluated at the end only.
            **{f"{name}_records": found for name, found in list(evaluated.items())[1:]},
            "vocabulary": run_record.describe_file(inputs.vocab_file),
            "init_checkpoint": describe_initial(inputs.init_checkpoint),
        },
        "num_replicas": num_replicas,
        "devices": [_device_name(device) for device in devices] or ["CPU"],
        "machine": run_record.machine(),
        "versions": run_record.versions(),
    }


def _device_name(gpu) -> str:
    details = tf.config.experimental.get_device_details(gpu)
    return details.get("device_name", gpu.name)


def what_workers_share(settings_class, record: dict[str, Any]) -> dict[str, Any]:
    """What must be the same on all workers; files may lie at other paths."""
    places = path_names(settings_class)
    settings = {name: value for name, value in record["settings"].items() if name not in places}
    files = [
        source and source["fingerprint"]
        for name, source in record["inputs"].items()
        if name != "vocabulary"
    ]
    return {"settings": settings, "bert_config": record["bert_config"], "files": files}
