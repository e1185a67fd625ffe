"""What an evaluation of a tagger leaves behind: metrics, predictions, the reference's files."""

import dataclasses
import json
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from clinicalbert_tf.metrics import spans
from clinicalbert_tf.metrics.intervals import Bootstrap, f1_of, intervals
from clinicalbert_tf.metrics.span_matching import overlap_scores, type_scores
from clinicalbert_tf.tasks.tagging.decoding import LabelDecoder
from clinicalbert_tf.tasks.tagging.examples import TaggedWords
from clinicalbert_tf.texts.entity_files import concept_file, word_gold_predicted
from clinicalbert_tf.texts.reference_word_features import (
    label_file,
    token_file,
    word_number_file,
)
from tfrecords_builder.files import make_private_folder, write_private

METRICS_NAME = "metrics.json"
# The reference calls the dev part eval.
REFERENCE_PARTS = {"dev": "eval"}


@dataclasses.dataclass(frozen=True)
class LabelledPart:
    """Gold and predicted labels of every sentence of a part.

    Attributes:
        gold, predicted: per sentence, a label per word.
        probabilities: per sentence, float [words], of the predicted labels; NaN where there is
            no prediction.
    """

    gold: list[list[str]]
    predicted: list[list[str]]
    probabilities: list[np.ndarray]


def label_words(
    words: TaggedWords, logits: Sequence[np.ndarray], decoder: LabelDecoder
) -> LabelledPart:
    """Predicts the labels of every sentence.

    Args:
        words: the sentences and their windows.
        logits: per window, float [length or more, labels].
        decoder: makes labels of scores.
    """
    gold, predicted, probabilities = [], [], []
    for number, scores in enumerate(words.by_sentence(logits)):
        labels, chosen = decoder.decode(scores)
        full = np.full(len(words.sentences[number].words), np.nan)
        full[slice(None) if words.kept is None else words.kept[number]] = chosen
        gold.append(list(words.sentences[number].labels))
        predicted.append(words.with_gaps(number, labels))
        probabilities.append(full)
    return LabelledPart(gold, predicted, probabilities)


def headline_scores(part: LabelledPart) -> dict[str, float]:
    """Exact precision, recall and F1 by conlleval's rule."""
    scores = spans.exact_scores(part.gold, part.predicted)
    return {name: scores[name] for name in ("precision", "recall", "f1")}


def all_scores(
    words: TaggedWords, part: LabelledPart, bootstrap: Bootstrap | None = None
) -> dict[str, Any]:
    """Every score of a part, JSON values only.

    Returns:
        "exact", "strict", "overlap", "type", each {"precision", "recall", "f1", "by_type"};
        "repaired_tags"; with truncated texts "words_cut" and "recall_ceiling"; with a bootstrap
        "intervals" of the exact scores, drawn by document (by sentence if documents are unknown).
    """
    scores: dict[str, Any] = {
        "exact": spans.exact_scores(part.gold, part.predicted),
        "strict": spans.strict_scores(part.gold, part.predicted),
        "overlap": overlap_scores(part.gold, part.predicted),
        "type": type_scores(part.gold, part.predicted),
        "repaired_tags": spans.repaired_tags(part.predicted),
        "sentences": len(part.gold),
        "words": sum(map(len, part.gold)),
    }
    if bootstrap is not None and part.gold:
        scores["intervals"] = _exact_intervals(words, part, bootstrap)
    if words.kept is not None:
        scores |= {"words_cut": words.words_cut(), "recall_ceiling": words.recall_ceiling()}
    return scores


def prediction_lines(name: str, words: TaggedWords, part: LabelledPart) -> str:
    """predictions_PART.jsonl: one object per sentence, no text.

    "start" and "end" are characters of the document if the data says where words stand, otherwise
    of the sentence's words joined by single spaces ("offsets" says which).
    """
    lines = []
    for number, sentence in enumerate(words.sentences):
        offsets = sentence.offsets or _joined_offsets(sentence.words)
        predicted, chosen = part.predicted[number], part.probabilities[number]
        fields = {
            "id": f"{name}-{number}",
            "document": sentence.document,
            "offsets": "document" if sentence.offsets else "sentence",
            "gold": part.gold[number],
            "predicted": predicted,
            "spans": [
                {
                    "start": offsets[start][0],
                    "end": offsets[end - 1][1],
                    "label": kind,
                    "probability": round(float(np.mean(chosen[start:end])), 6),
                }
                for kind, start, end in spans.entities(predicted)
            ],
        }
        lines.append(json.dumps(fields) + "\n")
    return "".join(lines)


def _joined_offsets(words: Sequence[str]) -> list[tuple[int, int]]:
    offsets, start = [], 0
    for word in words:
        offsets.append((start, start + len(word)))
        start += len(word) + 1
    return offsets


def write_part(name: str, words: TaggedWords, part: LabelledPart, output_dir: str) -> None:
    """Writes predictions and the files that the reference's scorers read.

    predictions_PART.jsonl, NER_result_conll_{eval,test}.txt, {eval,test}/gold/i2b2.con and
    {eval,test}/pred/i2b2.con; with truncated texts token_, label_ and tok_to_orig_map_ files.
    """
    reference_name = REFERENCE_PARTS.get(name, name)
    texts = [sentence.words for sentence in words.sentences]

    def write(path: str, text: str) -> None:
        full = os.path.join(output_dir, path)
        make_private_folder(os.path.dirname(full))
        write_private(full, text)

    write(f"predictions_{name}.jsonl", prediction_lines(name, words, part))
    write(
        f"NER_result_conll_{reference_name}.txt",
        word_gold_predicted(texts, part.gold, part.predicted),
    )
    write(os.path.join(reference_name, "gold", "i2b2.con"), concept_file(texts, part.gold))
    write(os.path.join(reference_name, "pred", "i2b2.con"), concept_file(texts, part.predicted))
    if words.features:
        first_labels = [
            [labels[word] for word in numbers]
            for labels, numbers in zip(part.predicted, words.words, strict=True)
        ]
        write(f"label_{reference_name}.txt", label_file(words.features, first_labels))
        write_token_files(name, words, output_dir)


def write_token_files(name: str, words: TaggedWords, output_dir: str) -> None:
    """Writes token_PART.txt and tok_to_orig_map_PART.txt of truncated texts."""
    reference_name = REFERENCE_PARTS.get(name, name)
    for stem, text in (
        ("token", token_file(words.features)),
        ("tok_to_orig_map", word_number_file(words.features)),
    ):
        write_private(os.path.join(output_dir, f"{stem}_{reference_name}.txt"), text)


def _exact_intervals(words: TaggedWords, part: LabelledPart, bootstrap: Bootstrap) -> dict:
    counts = spans.counts_by_sentence(part.gold, part.predicted).T
    groups = [s.document or f"sentence {n}" for n, s in enumerate(words.sentences)]
    statistics = {
        name: f1_of(*counts, which=which)
        for which, name in enumerate(("precision", "recall", "f1"))
    }
    return intervals(statistics, len(groups), groups, bootstrap)
