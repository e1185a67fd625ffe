"""Scores predictions that anyone made.

    python -m clinicalbert_tf.score classification --predictions predictions_test.jsonl --json
    python -m clinicalbert_tf.score spans --file NER_result_conll_test.txt
    python -m clinicalbert_tf.score phi --gold testing-PHI-Gold-fixed --system runs/deid/xml
    python -m clinicalbert_tf.score documents --file chunk_scores.csv
    python -m clinicalbert_tf.score qa --dataset dev.json --predictions predictions.json --version_2

--json prints one strict JSON object: null for what cannot be computed, with the
reason under "reasons".
"""

import argparse
import json
import sys

from clinicalbert_tf.scoring.arguments import parser
from tfrecords_builder import command_line


def score(values: argparse.Namespace) -> dict:
    """Returns the result that the arguments ask for."""
    from clinicalbert_tf.scoring import results

    group = getattr(values, "group", None)
    settings = results.IntervalSettings(values.bootstrap, values.seed, group)
    if values.kind == "classification":
        classes = values.classes.split(",") if values.classes else None
        return results.score_classification(
            values.predictions, values.problem_type, classes, values.positive_label, settings
        )
    if values.kind == "spans":
        return results.score_spans(values.file, values.i2b2_2012, settings)
    if values.kind == "phi":
        return results.score_phi(values.gold, values.system, values.hipaa, settings)
    if values.kind == "documents":
        return results.score_documents(values.file, values.vote, values.c, settings)
    files = values.dataset, values.predictions, values.version_2
    return results.score_questions(*files, values.na_prob_file, values.na_prob_thresh, settings)


def main(arguments: list[str] | None = None) -> int:
    """Scores and prints; returns the exit status."""
    values = parser(__doc__).parse_args(arguments)
    try:
        result = score(values)
        from clinicalbert_tf.scoring.text_form import as_text

        print(json.dumps(result, allow_nan=False, indent=1) if values.json else as_text(result))
    except (ValueError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    command_line.run_plain(main)
