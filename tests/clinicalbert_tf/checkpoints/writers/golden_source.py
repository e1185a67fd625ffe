"""The golden checkpoint as a source to convert, and what the reference computes with it."""

import functools
import json
import pathlib
import shutil

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from tests.support import GOLDEN


class GoldenSourceTestCase(tf.test.TestCase, parameterized.TestCase):
    """Has a folder and, in it, the golden checkpoint as it would be released."""

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.get_temp_dir())

    @functools.cached_property
    def checkpoint(self):
        folder = self.folder / "released"
        shutil.copytree(GOLDEN / "tf1_checkpoint", folder)
        (folder / "checkpoint").unlink()
        return folder

    @functools.cached_property
    def uncased_checkpoint(self):
        """The same weights under an uncased vocabulary."""
        rows = (GOLDEN / "vocab" / "uncased.txt").read_text(encoding="utf-8").splitlines()
        rows = (rows + [f"[unused{number}]" for number in range(1200)])[:1200]
        (self.checkpoint / "vocab.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")
        return self.checkpoint

    def configure(self, **values):
        """Changes keys of bert_config.json."""
        path = self.checkpoint / "bert_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@functools.cache
def inputs_and_outputs():
    """Golden inputs under this package's names, and the reference's outputs."""
    with np.load(GOLDEN / "tf1_checkpoint" / "expected_outputs.npz") as file:
        arrays = dict(file)
    names = {
        "token_ids": "input_input_ids",
        "segment_ids": "input_segment_ids",
        "padding_mask": "input_input_mask",
        "mask_positions": "input_masked_lm_positions",
    }
    inputs = {ours: arrays[theirs].astype(np.int32) for ours, theirs in names.items()}
    return inputs, arrays


def log_softmax(logits):
    logits = np.asarray(logits)
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
