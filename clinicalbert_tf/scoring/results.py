"""Files of predictions -> the results that `python -m clinicalbert_tf.score` prints."""

from dataclasses import dataclass

import numpy as np

from clinicalbert_tf.metrics import (
    bioasq,
    classification,
    documents,
    events,
    intervals,
    multi_label,
    phi,
    question_answering,
    regression,
    span_matching,
    spans,
    statistics,
)
from clinicalbert_tf.scoring import (
    chunk_scores_file,
    columns_file,
    phi_files,
    predictions_file,
    question_files,
)
from clinicalbert_tf.scoring.lines import read_json


@dataclass(frozen=True)
class IntervalSettings:
    """Which intervals are added to a result.

    Attributes:
        replicates: bootstrap draws; 0 for no intervals.
        seed: of the draws.
        group: key or column of the groups that are drawn whole; None draws rows.
    """

    replicates: int = 0
    seed: int = 12345
    group: str | None = None

    def of(self, functions: dict, rows: int, groups=None) -> dict:
        """Returns {"intervals": name -> [low, high]}, empty without replicates."""
        if not self.replicates:
            return {}
        bootstrap = intervals.Bootstrap(self.replicates, seed=self.seed)
        return {"intervals": intervals.intervals(functions, rows, groups, bootstrap)}


def score_classification(
    path: str,
    problem_type: str | None = None,
    classes: list[str] | None = None,
    positive_label: str | None = None,
    settings: IntervalSettings = IntervalSettings(),
) -> dict:
    """Scores a predictions file, read as `predictions_file.read_predictions` says.

    Args:
        path: JSON lines.
        problem_type: "single", "multi" or "regression"; None tells single from multi by the labels'
            form.
        classes: classes that micro and macro F1 count.
        positive_label: the positive one of two classes.
        settings: intervals.

    Raises:
        ValueError: a wrong file or setting.
    """
    read = predictions_file.read_predictions(path, problem_type == "regression", settings.group)
    repeated = len(read.ids) - len(set(read.ids))
    if problem_type == "regression":
        gold, predicted = np.array(read.gold), np.array(read.predicted)
        result = regression.scores(gold, predicted)
        functions = statistics.of_errors(gold, predicted)
        return (
            result | {"repeated_ids": repeated} | settings.of(functions, len(read.ids), read.groups)
        )
    if problem_type not in (None, "multi" if read.is_multi else "single"):
        raise ValueError(
            f"Expected {'lists of labels' if problem_type == 'multi' else 'one label per row'} for "
            f"--problem_type={problem_type}, received the other form in {path}."
        )
    if read.is_multi:
        labels, gold, predicted = predictions_file.as_matrices(read)
        result = multi_label.scores(labels, gold, predicted, read.probabilities)
        functions = statistics.of_multi_label(gold, predicted, read.probabilities)
    else:
        rows = predictions_file.as_rows(read)
        result = classification.scores(rows, classes, positive_label)
        functions = statistics.of_classification(rows, classes, positive_label)
    return result | {"repeated_ids": repeated} | settings.of(functions, len(read.ids), read.groups)


def score_spans(
    path: str, with_events: bool = False, settings: IntervalSettings = IntervalSettings()
) -> dict:
    """Scores a columns file: exact, strict, overlap and type; intervals draw sentences.

    Args:
        path: conlleval's columns.
        with_events: adds the organisers' event measures of i2b2 2012.
        settings: intervals.
    """
    columns = columns_file.read_columns(path)
    gold, predicted = columns.gold, columns.predicted
    sides = [spans.entities(labels) for labels in gold], [spans.entities(s) for s in predicted]
    counts = spans.counts_of_entities(*sides)
    result = {
        "exact": spans.scores_of_entities(*sides),
        "strict": spans.strict_scores(gold, predicted),
        "overlap": span_matching.scores_of_entities(*sides, same_type=False),
        "type": span_matching.scores_of_entities(*sides, same_type=True),
        "token_accuracy": spans.token_accuracy(gold, predicted),
        "sentences": len(gold),
        "tokens": sum(map(len, gold)),
        "entities": dict(
            zip(("correct", "predicted", "gold"), counts.sum(axis=0).tolist(), strict=True)
        ),
        "repaired_tags": {
            "gold": spans.repaired_tags(gold),
            "predicted": spans.repaired_tags(predicted),
        },
    }
    if with_events:
        result["i2b2_2012"] = events.scores(columns_file.events_of(columns))
    return result | settings.of(statistics.of_counts(*counts.T), len(counts))


def score_phi(
    gold: str,
    system: str,
    hipaa: str = "corrected",
    settings: IntervalSettings = IntervalSettings(),
) -> dict:
    """Scores a folder of i2b2 2014 XML; intervals are of the strict measure and draw documents."""
    found, extra = phi_files.read_documents(gold, system)
    result = phi.scores(found, hipaa) | {"documents_without_gold": extra}
    counts = np.array([phi.strict_counts(document) for document in found.values()])
    true, false, missed = counts.T
    functions = statistics.of_counts(true, true + false, true + missed)
    return result | settings.of(functions, len(counts))


def score_documents(
    path: str,
    vote: str = "paper",
    c: float = 2.0,
    settings: IntervalSettings = IntervalSettings(),
) -> dict:
    """Scores a CSV of chunk scores as `metrics.documents.scores`, with the voted "scores" by id."""
    ids, labels, values, groups = chunk_scores_file.read_chunk_scores(path, settings.group)
    names, voted = documents.vote(ids, values, vote, c)
    targets, disagreeing = documents.labels_of(ids, labels)
    result = documents.scores(targets, voted)
    result["ids_with_two_labels"] = disagreeing
    result["vote"] = {"rule": vote, "c": c, "chunks": len(ids)}
    if groups is not None:
        first = dict(zip(reversed(ids), reversed(groups), strict=True))
        groups = [first[name] for name in names]
    result |= settings.of(statistics.of_documents(targets, voted), len(names), groups)
    return result | {"scores": dict(zip(names, voted.tolist(), strict=True))}


def score_questions(
    dataset: str,
    predictions: str,
    version_2: bool = False,
    no_answer_file: str | None = None,
    threshold: float = 1.0,
    settings: IntervalSettings = IntervalSettings(),
) -> dict:
    """Scores answers to a SQuAD dataset (the official scripts' keys) or a BioASQ one."""
    content = read_json(dataset)
    if question_files.is_bioasq(content):
        return _score_bioasq(content, dataset, predictions)
    answers, articles = question_files.squad_answers(content, dataset)
    found = question_files.read_answers(predictions)
    if not version_2:
        result = question_answering.scores_v1(answers, found)
        names, raw = ("exact_match", "f1"), question_answering.raw_scores_v1(answers, found)
    else:
        nulls = question_files.read_no_answer_scores(no_answer_file) if no_answer_file else None
        result = question_answering.scores_v2(answers, found, nulls, threshold)
        names, raw = ("exact", "f1"), question_answering.raw_scores_v2(answers, found)
        if nulls is not None:
            raw = question_answering.apply_threshold(answers, raw, nulls, threshold)
    per_question = {
        name: 100 * np.array(list(side.values())) for name, side in zip(names, raw, strict=True)
    }
    unanswered = [name for name in answers if name not in found]
    if unanswered:
        result["missing"] = unanswered
    groups = list(articles.values())
    return result | settings.of(statistics.of_means(per_question), len(groups), groups)


def _score_bioasq(content: dict, dataset: str, predictions: str) -> dict:
    gold = question_files.bioasq_questions(content, dataset)
    found = question_files.bioasq_questions(read_json(predictions), predictions)
    result: dict = {}
    names, items = question_files.names_of, question_files.items_of
    for kind in ("factoid", "list", "yesno"):
        ids = [i for i, q in gold.items() if q["type"] == kind and q["exact_answer"] is not None]
        if not ids:
            continue
        true = [gold[i]["exact_answer"] for i in ids]
        given = [found.get(i, {}).get("exact_answer") for i in ids]
        if kind == "factoid":
            result[kind] = bioasq.factoid_scores([*map(names, true)], [*map(names, given)])
        elif kind == "list":
            result[kind] = bioasq.list_scores([*map(items, true)], [*map(names, given)])
        else:
            result[kind] = bioasq.yesno_scores(
                ["".join(names(a)) for a in true], ["".join(names(a)) for a in given]
            )
        result[kind]["questions"] = len(ids)
    if not result:
        raise ValueError(f"{dataset}: expected questions with an exact answer, received none.")
    return result
