"""Settings that make no sense are refused by name."""

import pytest

from clinicalbert_tf.tasks.pretraining.settings import PretrainingSettings


def make(**changes):
    return PretrainingSettings(**{"input_file": "records", "output_dir": "out"} | changes)


def test_defaults_are_the_references():
    settings = make()
    assert (settings.train_batch_size, settings.eval_batch_size) == (32, 8)
    assert (settings.learning_rate, settings.max_eval_steps) == (5e-5, 100)
    assert (settings.num_train_steps, settings.num_warmup_steps) == (100_000, 10_000)
    assert (settings.save_checkpoints_steps, settings.steps_per_loop) == (1000, 1000)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"do_train": False}, "at least one of --do_train and --do_eval"),
        ({"input_file": ""}, "Expected --input_file"),
        ({"do_eval": True}, "--eval_file=records"),
        ({"strategy": "gpu"}, "received 'gpu'"),
        ({"train_batch_size": 0}, "--train_batch_size to be at least 1, received 0"),
        ({"num_warmup_steps": -1}, "--num_warmup_steps to be at least 0, received -1"),
        ({"learning_rate": 0.0}, "--learning_rate to be above 0, received 0.0"),
        ({"learning_rate": float("nan")}, "received nan"),
        ({"peak_tflops": 0.0}, "--peak_tflops to be above 0, received 0.0"),
        (
            {"profile_steps": (30, 31), "num_train_steps": 29},
            "--profile_steps within --num_train_steps=29, received 30,31",
        ),
        ({"length_buckets": -1}, "--length_buckets to be at least 0, received -1"),
        ({"length_buckets": 8, "strategy": "tpu"}, r"--length_buckets=0 with --strategy=tpu"),
        (
            {"length_buckets": 8, "shuffle_buffer": 0},
            "--shuffle_buffer above 0 with --length_buckets=8, received 0",
        ),
        ({"objective": "nsp"}, "--objective to be one of mlm_nsp, mlm, received 'nsp'"),
        ({"masking": "spans"}, "--masking to be one of static, dynamic, received 'spans'"),
    ],
)
def test_value_is_named_with_what_was_expected(changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)


def test_training_records_may_be_evaluated_when_given_twice():
    assert make(do_eval=True, eval_file="records").eval_file == "records"


def test_run_that_is_all_warm_up_is_doubted():
    (doubt,) = make(num_train_steps=2000).doubts()
    assert "--num_warmup_steps is 10000" in doubt and "20% of --learning_rate" in doubt
    assert make(num_train_steps=2000, num_warmup_steps=200).doubts() == []
    assert make(num_train_steps=2000, do_train=False, do_eval=True).doubts() == []


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
