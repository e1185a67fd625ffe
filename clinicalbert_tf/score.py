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


def parser() -> argparse.ArgumentParser:
    """Returns the command's arguments, one sub-command per kind of prediction."""
    top = argparse.ArgumentParser(prog="clinicalbert_tf.score", description=__doc__,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    kinds = top.add_subparsers(dest="kind", required=True)
    kind = kinds.add_parser("classification", help="labels and probabilities as JSON lines")
    kind.add_argument("--predictions", required=True, help="FILE.jsonl")
    kind.add_argument("--problem_type", choices=("single", "multi", "regression"))
    kind.add_argument("--classes", help="classes that F1 counts, comma-separated")
    kind.add_argument("--positive_label", help="the positive one of two classes")
    kind.add_argument("--group", help="key of the groups that an interval draws whole")
    kind = kinds.add_parser("spans", help="word, gold and predicted label in columns")
    kind.add_argument("--file", required=True)
    kind.add_argument("--i2b2_2012", action="store_true", help="adds the challenge's event score")
    kind = kinds.add_parser("phi", help="folders of i2b2 2014 XML")
    kind.add_argument("--gold", required=True)
    kind.add_argument("--system", required=True)
    kind.add_argument("--hipaa", choices=("official", "corrected"), default="corrected",
                      help="official never counts IDNUM")  # fmt: skip
    kind = kinds.add_parser("documents", help="CSV of ID, Label, score per chunk")
    kind.add_argument("--file", required=True)
    kind.add_argument("--vote", choices=("paper", "mean", "max"), default="paper")
    kind.add_argument("--c", type=float, default=2.0, help="chunks that weigh as the maximum")
    kind.add_argument("--group", help="column of the groups that an interval draws whole")
    kind = kinds.add_parser("qa", help="answers to SQuAD or BioASQ questions")
    kind.add_argument("--dataset", required=True)
    kind.add_argument("--predictions", required=True)
    kind.add_argument("--version_2", action="store_true", help="questions may have no answer")
    kind.add_argument("--na_prob_file", help="JSON of question id -> no-answer score")
    kind.add_argument("--na_prob_thresh", type=float, default=1.0)
    for one in kinds.choices.values():
        one.add_argument("--json", action="store_true", help="strict JSON on stdout")
        one.add_argument("--bootstrap", type=int, default=0, metavar="N",
                         help="adds 95%% intervals of N draws")  # fmt: skip
        one.add_argument("--seed", type=int, default=12345, help="of the draws")
    return top


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
    values = parser().parse_args(arguments)
    try:
        result = score(values)
        from clinicalbert_tf.scoring.text_form import as_text

        print(json.dumps(result, allow_nan=False, indent=1) if values.json else as_text(result))
    except (ValueError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
