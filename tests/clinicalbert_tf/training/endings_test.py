"""What is said at the end, and the exit codes that go with it."""

import numpy as np
import pytest
import tensorflow as tf

from clinicalbert_tf import pretrain
from clinicalbert_tf.training import exit_codes
from clinicalbert_tf.training.endings import explanation, how_to_resume


def test_expected_failures_have_a_message_and_defects_have_none():
    assert explanation(ValueError("expected x, received y")) == "expected x, received y"
    assert "No such file" in explanation(FileNotFoundError(2, "No such file", "records"))
    assert explanation(RuntimeError("a defect")) is None
    assert explanation(KeyError("a defect")) is None


def test_out_of_memory_on_a_device_names_what_saves_memory():
    error = tf.errors.ResourceExhaustedError(
        None, None, "Graph error:\n\nOOM when allocating tensor with shape[8,8]\nHint: long text"
    )
    message = explanation(error)
    assert "OOM when allocating tensor with shape[8,8])" in message and "Hint" not in message
    for flag in ("--gradient_accumulation_steps", "--recompute", "--train_batch_size"):
        assert flag in message
    assert "--gradient_accumulation_steps" in explanation(MemoryError())
    assert "has run out of it." in explanation(MemoryError())


def test_numpy_that_cannot_allocate_is_out_of_memory_too():
    try:
        np.empty(2**58, np.float64)
    except MemoryError as error:
        assert "This machine has run out of it (Unable to allocate" in explanation(error)


def test_command_to_go_on_is_the_one_that_was_given():
    assert how_to_resume("pretrain", ["--input_file=a b", "--seed=3"], None).endswith(
        "python -m clinicalbert_tf.pretrain '--input_file=a b' --seed=3"
    )
    assert how_to_resume("pretrain", [], "runs/x").endswith(
        "clinicalbert_tf.pretrain --output_dir=runs/x"
    )


def test_worker_is_not_told_to_go_on_alone():
    said = how_to_resume("pretrain", ["--strategy=multi_worker"], "runs/x", one_of_several=True)
    assert said.startswith("Start all workers again as before, each with: python")
    assert said.endswith("--strategy=multi_worker --output_dir=runs/x")


def test_exit_codes_are_distinct_and_in_the_help():
    codes = [value for name, value in vars(exit_codes).items() if name.isupper()]
    assert sorted(codes) == [0, 1, 75, 76, 130]
    for code in codes:
        assert f" {code} " in " ".join(pretrain.__doc__.split())


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
