"""A classification run from what was asked for to its results."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from clinicalbert_tf.datasets.classification.baseline import fit_baseline
from clinicalbert_tf.datasets.classification.catalogue import find_dataset
from clinicalbert_tf.datasets.classification.reading import LabelledData, read_dataset
from clinicalbert_tf.datasets.classification.settings import DataSettings
from clinicalbert_tf.datasets.classification.text_store import TextStore
from clinicalbert_tf.tasks.classification import results
from clinicalbert_tf.tasks.classification.decision import Decision
from clinicalbert_tf.tasks.classification.scores import compare, positive_label, score_split
from clinicalbert_tf.tasks.classification.settings import ClassificationSettings
from clinicalbert_tf.training.fine_tuning import with_steps
from clinicalbert_tf.training.preemption import StopSignals
from tfrecords_builder.files import make_private_folder


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A run with its data read.

    Attributes:
        settings: complete.
        data: the examples.
        evaluated: the splits that are evaluated, "dev" first.
    """

    settings: ClassificationSettings
    data: LabelledData
    evaluated: tuple[str, ...]


def read_data(given: Mapping[str, Any]) -> LabelledData:
    """Reads and checks the examples that the settings name.

    Long documents wait in a file without a name in the output folder, not in memory.

    Raises:
        FileNotFoundError, ValueError: see datasets.classification.reading.
    """
    names = {field.name for field in dataclasses.fields(DataSettings)}
    asked = {name: value for name, value in given.items() if name in names}
    texts = None
    if given.get("long_documents"):
        texts = TextStore(make_private_folder(given["output_dir"]))
    return read_dataset(find_dataset(given["task_name"]), DataSettings(**asked), texts)


def prepare(given: Mapping[str, Any], data: LabelledData) -> Prepared:
    """Completes the settings: what to do, and how many steps.

    Args:
        given: settings that were given, by name; "task_name" and "output_dir" are there.
        data: the examples.

    Raises:
        ValueError: the settings contradict each other or the data.
    """
    given = dict(given, task_name=data.spec.name)
    train, evaluated = _what_to_do(given, data)
    given |= {"do_train": train, "do_eval": bool(evaluated), "do_test": "test" in evaluated}
    if given.get("eval_steps") is not None and "dev" not in evaluated:
        raise ValueError(
            "Expected dev examples with --eval_steps, received none: the best checkpoint must not "
            "be chosen on test. Give a dev file or --do_split."
        )
    examples = _training_examples(given, data) if train else 0
    complete = with_steps(given, examples, has_dev="dev" in evaluated)
    return Prepared(ClassificationSettings(**complete), data, evaluated)


def run_classification(
    prepared: Prepared,
    signals: StopSignals | None = None,
    write_report: Callable[[str], str] | None = None,
    baseline: bool = False,
) -> dict[str, Any]:
    """Trains, evaluates and writes what the settings ask for.

    Args:
        prepared: what `prepare` returned.
        signals: what the process was asked by signals.
        write_report: see training.run.run_training.
        baseline: whether to fit the TF-IDF baseline too and to compare.

    Returns:
        What training.run.run_training returns, with "metrics": what metrics.json holds.
    """
    # Late: TensorFlow comes with them.
    from clinicalbert_tf.training.run import run_training

    settings, data = prepared.settings, prepared.data
    task = task_class(settings)(settings, data, prepared.evaluated)
    found = run_training(task, settings, signals, write_report)
    if task.scored:
        _write_eval_results(task, settings, found)
    if data.sections:
        results.write_without_section(settings.output_dir, data.sections, data.without_section)
    if baseline and task.scored:
        add_baseline(task, settings)
        if write_report is not None and settings.report:
            write_report(settings.output_dir)
    return {**found, "metrics": results.read_metrics(settings.output_dir)}


def _write_eval_results(task, settings: ClassificationSettings, found: dict[str, Any]) -> None:
    """Writes eval_results.txt again, with the figures of metrics.json.

    The engine writes it before threshold and temperature are chosen on dev.
    """
    from clinicalbert_tf.training.evaluation import write_eval_results

    split, scored = next(iter(task.scored.items()))
    evaluated = found["evaluations"][split]
    figures = {name: scored.get(name) for name in evaluated}
    kept = {name: evaluated[name] for name, value in figures.items() if value is None}
    write_eval_results(settings.output_dir, figures | kept)


def task_class(settings: ClassificationSettings) -> type:
    """The task that fits the settings: texts of a sequence each, or long documents."""
    if settings.long_documents:
        from clinicalbert_tf.tasks.long_documents.task import LongDocumentTask

        return LongDocumentTask
    from clinicalbert_tf.tasks.classification.task import ClassificationTask

    return ClassificationTask


def _training_examples(given: Mapping[str, Any], data: LabelledData) -> int:
    """What epochs are counted in: examples, or the chunks of long documents."""
    if not given.get("long_documents"):
        return len(data.splits["train"])
    if data.is_pair:
        raise ValueError(
            f"Expected single texts with --long_documents, received the pairs of {data.spec.name}. "
            "Drop the flag."
        )
    from clinicalbert_tf.tasks.long_documents.counting import count_chunks

    return count_chunks(given, data)


def add_baseline(task, settings: ClassificationSettings) -> None:
    """Adds the baseline's scores, and the paired difference, to metrics.json.

    Args:
        task: a ClassificationTask whose splits are finished.
        settings: of the run.
    """
    data = task.data
    made = fit_baseline(
        {name: split.examples for name, split in data.splits.items()},
        data.labels,
        data.problem_type,
    )
    positive = positive_label(data.problem_type, data.labels)
    decision = Decision(data.problem_type, data.labels, positive_label=positive)
    counted = data.spec.counted_labels
    found: dict[str, Any] = {"model": "TF-IDF and logistic regression", "C": made.strength}
    for name, probabilities in task.probabilities.items():
        if not data.splits[name].has_labels:
            continue
        theirs = made.probabilities[name]
        targets, groups = task.targets(name), task.groups(name)
        scored = score_split(decision, targets, theirs, counted, settings.bootstrap, groups)
        compared = compare(
            *(task.decision, targets, probabilities, theirs, task.monitor.metric, counted),
            *(settings.bootstrap, groups),
        )
        found[name] = scored | {"split": name} | compared
    results.add_metrics(settings.output_dir, {"baseline": found})


def _what_to_do(given: Mapping[str, Any], data: LabelledData) -> tuple[bool, tuple[str, ...]]:
    """Whether to train, and which splits to evaluate: from the flags, or from what there is."""
    train, dev, test = (given.get(name) for name in ("do_train", "do_eval", "do_test"))
    if train is None:
        train = not (dev or test)
    if dev is None:
        dev = train and "dev" in data.splits
    if test is None:
        test = train and "test" in data.splits
    for asked, name in ((dev, "dev"), (test, "test")):
        if asked and name not in data.splits:
            raise ValueError(
                f"Expected a {name} file to evaluate, received none. Give --{name}_file or "
                "--do_split, or drop the flag."
            )
    evaluated = tuple(name for name, asked in (("dev", dev), ("test", test)) if asked)
    return train, evaluated
