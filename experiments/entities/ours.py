"""Fine-tuning of the same weights by run_i2b2's task: scores of the test part.

    python experiments/entities/ours.py --data_dir DIR --output RESULTS.jsonl [--crf]

The same as run_i2b2 with these settings; several seeds share a process, and each trained tagger is
decoded twice, with valid BIO only and without that constraint.
"""

import os
import tempfile
import time

import comparison

from clinicalbert_tf.tasks.tagging.settings import TaggingSettings
from clinicalbert_tf.tasks.tagging.task import run_tagging


def main() -> None:
    """Trains and tests with each seed."""
    values = comparison.arguments(__doc__)
    side = "crf" if values.crf else "words"
    for seed in comparison.seeds_left(values, side):
        with tempfile.TemporaryDirectory() as folder:
            shared = {
                "task_name": "conll",
                "data_dir": values.data_dir,
                "max_seq_length": values.max_seq_length,
                "crf": values.crf,
                "truncate": values.truncate,
                "do_predict": True,
                "bootstrap": 0,
                "report": False,
                "peak_tflops": 1.0,
                "length_buckets": values.length_buckets,
                "length_pool": values.length_pool,
            }
            run = os.path.join(folder, "run")
            started = time.monotonic()
            run_tagging(
                TaggingSettings(
                    **shared,
                    output_dir=run,
                    init_checkpoint=values.model,
                    seed=seed,
                    num_train_epochs=values.num_train_epochs,
                    train_batch_size=values.train_batch_size,
                    learning_rate=values.learning_rate,
                )
            )
            seconds = time.monotonic() - started
            other = os.path.join(folder, "unconstrained")
            run_tagging(
                TaggingSettings(
                    **shared,
                    output_dir=other,
                    init_checkpoint=run,
                    do_train=False,
                    do_eval=True,
                    evaluate_dev=False,
                    constrained=False,
                )
            )
            for decoding, path in (("valid BIO", run), ("best label", other)):
                labels = read_labels(os.path.join(path, "NER_result_conll_test.txt"))
                comparison.write(values, side, seed, decoding, *labels, seconds)


def read_labels(path: str) -> tuple[list[list[str]], list[list[str]]]:
    """Gold and predicted labels of every sentence."""
    gold: list[list[str]] = [[]]
    predicted: list[list[str]] = [[]]
    with open(path, encoding="utf-8") as file:
        for line in file:
            fields = line.split()
            if not fields:
                gold.append([])
                predicted.append([])
                continue
            gold[-1].append(fields[-2])
            predicted[-1].append(fields[-1])
    return gold, predicted


if __name__ == "__main__":
    main()
