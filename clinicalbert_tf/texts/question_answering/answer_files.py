"""The files that answers are written to: the reference's three, and one with offsets.

All hold text of the contexts: they are private files, there only when complete.
"""

import dataclasses
import json
import os
from collections.abc import Iterable, Sequence

from clinicalbert_tf.texts.question_answering.prediction import Prediction
from tfrecords_builder.files import open_private, write_private

PREDICTIONS = "predictions.json"
N_BEST = "nbest_predictions.json"
NULL_ODDS = "null_odds.json"
WITH_OFFSETS = "predictions.jsonl"


def write_reference_files(folder: str, predictions: Sequence[Prediction]) -> list[str]:
    """Writes predictions.json and nbest_predictions.json, and null_odds.json for SQuAD 2.0.

    Args:
        folder: where to; it must be there.
        predictions: in the order of the questions.

    Returns:
        The paths written.

    Source: write_predictions of the BERT reference's run_squad.py (indent 4, ASCII escapes).
    """
    contents = {
        PREDICTIONS: {p.question_id: p.answer.text for p in predictions},
        N_BEST: {p.question_id: [_n_best_entry(a) for a in p.n_best] for p in predictions},
    }
    if any(p.null_odds is not None for p in predictions):
        contents[NULL_ODDS] = {p.question_id: p.null_odds for p in predictions}
    paths = []
    for name, content in contents.items():
        paths.append(os.path.join(folder, name))
        write_private(paths[-1], json.dumps(content, indent=4) + "\n")
    return paths


def write_with_offsets(path: str, predictions: Iterable[Prediction]) -> None:
    """Writes predictions.jsonl: one object per question, in order.

    Its keys: `id`, `text`, `start` and `end` (characters of the context, null for "no answer"),
    `probability` (share among the n best), `null_odds` (null for SQuAD 1.1).
    """
    with open_private(path) as file:
        for prediction in predictions:
            line = {
                "id": prediction.question_id,
                "text": prediction.answer.text,
                "start": prediction.answer.start,
                "end": prediction.answer.end,
                "probability": prediction.answer.probability,
                "null_odds": prediction.null_odds,
            }
            file.write(json.dumps(line).encode("ascii") + b"\n")


def _n_best_entry(answer) -> dict:
    fields = dataclasses.asdict(answer)
    return {name: fields[name] for name in ("text", "probability", "start_logit", "end_logit")}
