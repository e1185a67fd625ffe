"""The embedded default of run_i2b2: invented notes with entities and a tiny BERT.

No patient stands behind any of them.
"""

import os
import random
from typing import Any

from clinicalbert_tf import embedded_model
from tfrecords_builder.files import write_private

_VOCABULARY_ROWS = 400
_WORDS = {
    "problem": (
        *("chest pain", "severe low back pain", "fever", "a small pleural effusion"),
        *("pneumonia", "shortness of breath", "atrial fibrillation", "an itchy rash"),
    ),
    "treatment": (
        *("aspirin", "an insulin drip", "furosemide", "oral antibiotics"),
        *("warfarin", "physical therapy", "supplemental oxygen", "prednisone"),
    ),
    "test": (
        *("a chest x-ray", "an echocardiogram", "blood cultures", "the white count"),
        *("a CT of the head", "troponin", "an EKG", "urinalysis"),
    ),
}
_SENTENCES = (
    "The patient presented with {problem} and {problem} .",
    "He denies {problem} .",
    "{test} showed {problem} .",
    "She was given {treatment} for {problem} .",
    "{treatment} was held after {test} .",
    "{test} was normal .",
    "The family was at the bedside .",
    "Follow up with the clinic in two weeks .",
    "Given {problem} , {treatment} and {treatment} were started .",
)
_RUN = {
    "task_name": "conll",
    "max_seq_length": 32,
    "train_batch_size": 32,
    "eval_batch_size": 32,
    "learning_rate": 3e-3,
    "num_train_epochs": 6.0,
}
# Sentences of each file, and its seed.
_FILES = {"train": (800, 1), "dev": (150, 2), "test": (150, 3)}


def prepare(given: dict[str, Any]) -> dict[str, Any]:
    """Makes the embedded default's data in the run's output folder, unless it is there.

    Args:
        given: settings that were asked for; they override the embedded default's own.

    Returns:
        Settings to train, evaluate and label invented sentences.
    """
    invented = f"{_FILES['train'][0]} invented sentences"
    folder = embedded_model.data_folder(given["output_dir"], invented)
    sentences = {name: invented_sentences(*asked) for name, asked in _FILES.items()}
    for name in sentences:
        write_private(os.path.join(folder, f"{name}.tsv"), column_lines(sentences[name]))
    texts = (" ".join(word for word, _ in sentence) for sentence in sentences["train"])
    embedded_model.learn_vocabulary(folder, texts, _VOCABULARY_ROWS)
    made = {"data_dir": folder, **embedded_model.write_model(folder)}
    return {**_RUN, **made, "do_lower_case": False, **given}


def invented_sentences(count: int, seed: int) -> list[list[tuple[str, str]]]:
    """Invents sentences of (word, label).

    Args:
        count: how many.
        seed: the same seed gives the same sentences.
    """
    rng = random.Random(seed)
    return [_sentence(rng.choice(_SENTENCES), rng) for _ in range(count)]


def _sentence(pattern: str, rng: random.Random) -> list[tuple[str, str]]:
    sentence: list[tuple[str, str]] = []
    for part in pattern.split():
        if part[0] != "{":
            sentence.append((part, "O"))
            continue
        kind = part[1:-1]
        words = rng.choice(_WORDS[kind]).split()
        sentence.append((words[0], f"B-{kind}"))
        sentence += [(word, f"I-{kind}") for word in words[1:]]
    return sentence


def column_lines(sentences: list[list[tuple[str, str]]]) -> str:
    """Sentences as "word label" lines, an empty line after each sentence."""
    return "".join(
        "".join(f"{word} {label}\n" for word, label in sentence) + "\n" for sentence in sentences
    )
