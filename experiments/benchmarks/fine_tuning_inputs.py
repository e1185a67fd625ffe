"""What fine_tuning.py measures with: pairs, chunks of admissions, or windows of questions."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What both sides are given: token ids, segment ids and a target of each text.

    A target is a label, or the first and last position of a question's answer.
    """

    ids: list
    segments: list
    targets: list

    def lengths(self):
        return [len(ids) for ids in self.ids]

    @property
    def are_questions(self):
        return isinstance(self.targets[0], tuple)


def read_inputs(values, folder: str) -> Inputs:
    """The texts that the flags name, tokenized with a model's vocabulary."""
    from clinicalbert_tf.checkpoints.detect import open_checkpoint
    from clinicalbert_tf.checkpoints.vocabulary_check import resolve_casing
    from tfrecords_builder.tokenization import BertTokenizer

    source = open_checkpoint(folder)
    tokenizer = BertTokenizer(source.vocab_file, resolve_casing(source))
    if values.questions:
        made = _windows(values, tokenizer)
    else:
        made = _chunks(values, tokenizer) if values.chunks else _pairs(values, tokenizer)
    return Inputs(*(column[: values.texts] for column in made))


def _pairs(values, tokenizer):
    from clinicalbert_tf.texts.pair_features import make_features

    examples = _examples("covid_question_pairs", values.data_dir)
    texts = [[e.text_a for e in examples], [e.text_b for e in examples]]
    made = make_features(tokenizer, *texts, values.length)
    labels = [int(e.label) for e in examples]
    return [m.token_ids for m in made], [m.segment_ids for m in made], labels


def _chunks(values, tokenizer):
    from clinicalbert_tf.tasks.long_documents.chunks import cut_documents

    examples = _examples("readmission", values.chunks)
    cut = cut_documents(tokenizer, (e.text_a for e in examples), values.length)
    labels = [int(examples[place].label) for place in cut.document]
    return cut.token_ids, [np.zeros_like(ids) for ids in cut.token_ids], labels


def _windows(values, tokenizer):
    from clinicalbert_tf.datasets.questions.question_files import read_questions
    from clinicalbert_tf.texts.question_answering.windows import (
        WindowMaker,
        WindowSettings,
        training_windows,
    )

    # The step that run_qa's overlap of 128 wordpieces gives with a question of 16.
    maker = WindowMaker(tokenizer, WindowSettings(values.length, max(1, values.length - 147)))
    questions = read_questions(values.questions)
    windows = [w for q in questions for w in training_windows(maker.encode(q), False)]
    segments = [np.arange(len(w.token_ids)) >= w.context_start for w in windows]
    return (
        [w.token_ids for w in windows],
        [segment.astype(np.int32) for segment in segments],
        [w.positions for w in windows],
    )


def _examples(name: str, data_dir: str):
    from clinicalbert_tf.datasets.classification.catalogue import find_dataset
    from clinicalbert_tf.datasets.classification.reading import read_dataset
    from clinicalbert_tf.datasets.classification.settings import DataSettings

    return (
        read_dataset(find_dataset(name), DataSettings(data_dir=data_dir)).splits["train"].examples
    )
