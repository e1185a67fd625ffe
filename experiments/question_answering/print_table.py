"""Prints the test scores of the runs of run.sh: a row per side, with its seeds.

    python experiments/question_answering/print_table.py passages_test.json OUT

The scores are those of `python -m clinicalbert_tf.score qa` on each run's predictions.json.
"""

import glob
import os
import statistics
import sys

from clinicalbert_tf.scoring.results import score_questions


def main(dataset: str, out: str) -> None:
    """Prints the table of the finished runs in a folder."""
    sides: dict[str, list[dict]] = {}
    for path in sorted(glob.glob(os.path.join(out, "*-*", "predictions.json"))):
        side = os.path.basename(os.path.dirname(path)).rpartition("-")[0]
        sides.setdefault(side, []).append(score_questions(dataset, path))
    print("| side | seeds | F1 | mean (deviation) | exact match | mean (deviation) |")
    print("|---|---|---|---|---|---|")
    for side, scores in sides.items():
        columns = [_columns([one[name] for one in scores]) for name in ("f1", "exact_match")]
        print(f"| {side} | {len(scores)} | " + " | ".join(columns) + " |")


def _columns(values: list[float]) -> str:
    deviation = f" ({statistics.stdev(values):.1f})" if len(values) > 1 else ""
    each = ", ".join(f"{value:.1f}" for value in values)
    return f"{each} | {statistics.mean(values):.1f}{deviation}"


if __name__ == "__main__":
    main(*sys.argv[1:])
