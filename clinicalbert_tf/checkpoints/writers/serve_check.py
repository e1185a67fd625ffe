"""A SavedModel in a new process that has TensorFlow alone, against this package's own model."""

import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import tensorflow as tf

from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.vocabulary_check import settle_casing
from clinicalbert_tf.checkpoints.writers.restored_model import restored_task_model
from clinicalbert_tf.checkpoints.writers.text_model import INPUT_IDS

TOLERANCE = 1e-5
_TEXT = "No acute distress."
# Whatever is imported beyond TensorFlow fails, as it does where a model is served.
_FRESH = """
import json, sys
for name in ("tensorflow_text", "keras_nlp", "keras_hub", "clinicalbert_tf"):
    sys.modules[name] = None
import numpy as np, tensorflow as tf
folder, given, made = sys.argv[1:]
model = tf.saved_model.load(folder)
names = {}
for name, inputs in np.load(given, allow_pickle=False).items():
    signature, key = name.split("/")
    names.setdefault(signature, {})[key] = tf.constant(inputs)
np.savez(made, **{
    f"{signature}/{key}": value.numpy()
    for signature, inputs in names.items()
    for key, value in model.signatures[signature](**inputs).items()
})
"""


def check_serving(folder: str, source_path: str, model: str | None, do_lower_case: bool) -> float:
    """Loads a SavedModel in a fresh process without tensorflow_text and compares its outputs.

    Args:
        folder: what write_saved_model made.
        source_path, model: the checkpoint that it was made from.
        do_lower_case: its casing.

    Returns:
        The largest difference of any number of its outputs on ids.

    Raises:
        ValueError: the process failed, or outputs differ by more than TOLERANCE.
    """
    source = settle_casing(open_checkpoint(source_path, model), do_lower_case)
    signatures = tf.saved_model.load(folder).signatures
    inputs = _inputs(source)
    given = {f"ids/{name}": inputs[name] for name in INPUT_IDS}
    text_inputs = signatures["serving_default"].structured_input_signature[1]
    given |= {f"serving_default/{name}": np.array([_TEXT.encode()]) for name in text_inputs}
    made = _run_fresh(folder, given)
    expected = restored_task_model(source)(inputs)
    differences = {
        name: float(np.abs(made[f"ids/{name}"] - np.asarray(expected[name])).max())
        for name in expected
        if f"ids/{name}" in made
    }
    worst = max(differences.values())
    if worst > TOLERANCE:
        raise ValueError(
            f"{folder}: expected the outputs of {source.path} within {TOLERANCE:g}, received "
            f"differences of {json.dumps(differences)}. Report this with both versions of "
            "TensorFlow."
        )
    return worst


def _inputs(source) -> dict[str, np.ndarray]:
    length = min(16, source.config.max_position_embeddings)
    random = np.random.default_rng(0)
    mask = np.ones((2, length), np.int32)
    mask[1, length // 2 :] = 0
    return {
        "token_ids": random.integers(0, source.config.vocab_size, (2, length), dtype=np.int32),
        "segment_ids": np.zeros((2, length), np.int32),
        "padding_mask": mask,
    }


def _run_fresh(folder: str, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    with tempfile.TemporaryDirectory() as place:
        paths = [os.path.join(place, name) for name in ("given.npz", "made.npz")]
        np.savez(paths[0], **given)
        command = [sys.executable, "-c", _FRESH, os.path.abspath(folder), *paths]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ValueError(
                f"{folder}: expected it to be served by TensorFlow alone, received from a new "
                f"process: {done.stderr.strip().splitlines()[-1]}"
            )
        return dict(np.load(paths[1]))
