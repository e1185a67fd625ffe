"""Sources to convert, and what the reference computes with the golden one."""

import json
import shutil

import numpy as np
import pytest

from tests.support import GOLDEN


@pytest.fixture
def checkpoint(tmp_path):
    """The golden checkpoint as it would be released."""
    folder = tmp_path / "released"
    shutil.copytree(GOLDEN / "tf1_checkpoint", folder)
    (folder / "checkpoint").unlink()
    return folder


@pytest.fixture
def uncased_checkpoint(checkpoint):
    """The same weights under an uncased vocabulary."""
    rows = (GOLDEN / "vocab" / "uncased.txt").read_text(encoding="utf-8").splitlines()
    rows = (rows + [f"[unused{number}]" for number in range(1200)])[:1200]
    (checkpoint / "vocab.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return checkpoint


@pytest.fixture
def configure(checkpoint):
    """Changes keys of bert_config.json."""

    def change(**values):
        path = checkpoint / "bert_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return change


@pytest.fixture(scope="session")
def expected():
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


@pytest.fixture(scope="session")
def log_softmax():
    def compute(logits):
        logits = np.asarray(logits)
        shifted = logits - logits.max(axis=-1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))

    return compute
