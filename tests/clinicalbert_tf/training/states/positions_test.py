"""Positions that a checkpoint was trained on: from run.json, from Adam's slots, or unknown."""

import json

import numpy as np
import pytest
import tensorflow as tf

from clinicalbert_tf.training.states.positions import trained_positions, warn_of_untrained_positions

NAME = "bert/embeddings/position_embeddings"


def checkpoint(folder, slots_of=None):
    """A checkpoint of 512 positions; Adam has moved the first `slots_of` of them."""
    arrays = {NAME: np.ones((512, 4), np.float32)}
    if slots_of is not None:
        second_moment = np.zeros((512, 4), np.float32)
        second_moment[:slots_of, 2] = 1e-12
        arrays[f"{NAME}/adam_v"] = second_moment
    prefix = str(folder / "model.ckpt-5")
    tf.raw_ops.SaveV2(
        prefix=prefix, tensor_names=list(arrays), shape_and_slices=[""] * len(arrays),
        tensors=[tf.constant(array) for array in arrays.values()],
    )  # fmt: skip
    return prefix


def record(folder, length, init=None):
    inputs = {"records": {"max_seq_length": length}, "init_checkpoint": init}
    (folder / "run.json").write_text(json.dumps({"inputs": inputs}))


@pytest.mark.parametrize(
    ("slots_of", "expected"), [(128, 128), (512, 512), (0, None), (None, None)]
)
def test_slots_say_how_far_gradients_have_reached(tmp_path, slots_of, expected):
    assert trained_positions(checkpoint(tmp_path, slots_of)) == expected


def test_record_of_the_run_comes_first(tmp_path):
    prefix = checkpoint(tmp_path, 64)
    record(tmp_path, 128)
    assert trained_positions(prefix) == 128


@pytest.mark.parametrize(("earlier", "expected"), [(512, 512), (64, 128), (None, None)])
def test_what_a_run_started_from_counts_too(tmp_path, earlier, expected):
    prefix = checkpoint(tmp_path, 128)
    record(tmp_path, 128, {"prefix": "released", "trained_positions": earlier})
    assert trained_positions(prefix) == expected


def test_records_of_an_earlier_version_say_nothing(tmp_path):
    prefix = checkpoint(tmp_path, 128)
    record(tmp_path, 128, {"prefix": "released"})
    assert trained_positions(prefix) is None
    (tmp_path / "run.json").write_text("{}")
    assert trained_positions(prefix) is None


def test_longer_records_are_warned_about(caplog):
    assert warn_of_untrained_positions("a/model.ckpt-5", 128, 512)
    (said,) = [entry.getMessage() for entry in caplog.records]
    assert "a/model.ckpt-5" in said and "positions 129 to 512" in said
    for trained, length in ((512, 512), (512, 128), (None, 512)):
        assert not warn_of_untrained_positions("a/model.ckpt-5", trained, length)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
