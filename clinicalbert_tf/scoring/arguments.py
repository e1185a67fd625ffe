"""The arguments of `python -m clinicalbert_tf.score`: one sub-command per kind of prediction."""

import argparse


def parser(description: str) -> argparse.ArgumentParser:
    """Returns the command's arguments.

    Args:
        description: what --help begins with.
    """
    top = argparse.ArgumentParser(prog="clinicalbert_tf.score", description=description,
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
