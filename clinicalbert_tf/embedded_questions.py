"""The embedded default of run_squad: invented notes, questions about them and a tiny BERT.

No patient stands behind any of them.
"""

import json
import os
import random
from collections.abc import Iterator
from typing import Any

from clinicalbert_tf import embedded_model
from tfrecords_builder.files import write_private

_VOCABULARY_ROWS = 450
_DRUGS = (
    *("apixaban", "furosemide", "lisinopril", "metoprolol"),
    *("warfarin", "insulin", "ceftriaxone", "prednisone"),
)
_ALLERGENS = (
    *("penicillin", "sulfa", "latex", "codeine"),
    *("aspirin", "iodine", "peanuts", "morphine"),
)
_COMPLAINTS = (
    *("chest pain", "shortness of breath", "abdominal pain", "fever"),
    *("syncope", "headache", "leg swelling", "cough"),
)
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_FILLERS = (
    "Lungs are clear to auscultation.",
    "The family was at the bedside.",
    "No focal deficit was seen.",
    "He lives with his wife.",
    "Labs were sent and are pending.",
    "The plan was discussed with the team.",
)
# (sentence, question, draws the answer).
_FACTS = (
    ("He was started on {}.", "Which drug was started?", lambda rng: rng.choice(_DRUGS)),
    ("Allergies: {}.", "What is he allergic to?", lambda rng: rng.choice(_ALLERGENS)),
    ("He was admitted with {}.", "Why was he admitted?", lambda rng: rng.choice(_COMPLAINTS)),
    ("Follow up is on {}.", "When is the follow up?", lambda rng: rng.choice(_DAYS)),
    (
        "Blood pressure was {}.",
        "What was the blood pressure?",
        lambda rng: f"{rng.randint(90, 180)}/{rng.randint(50, 99)}",
    ),
    ("Age: {} years.", "How old is he?", lambda rng: str(rng.randint(20, 95))),
)
_RUN = {
    "max_seq_length": 64,
    "doc_stride": 32,
    "max_query_length": 16,
    "train_batch_size": 32,
    "eval_batch_size": 32,
    "learning_rate": 3e-3,
    "num_train_epochs": 12.0,
    "save_checkpoints_steps": 500,
    "length_buckets": 8,
}
# Notes of each file, and its seed.
_FILES = {"train": (600, 1), "dev": (40, 2), "predict": (40, 3)}


def prepare(given: dict[str, Any]) -> dict[str, Any]:
    """Makes the embedded default's data in the run's output folder, unless it is there.

    Args:
        given: settings that were asked for; they override the embedded default's own.

    Returns:
        Settings to train on invented questions, and to evaluate and answer others.
    """
    invented = f"questions about {_FILES['train'][0]} invented notes"
    folder = embedded_model.data_folder(given["output_dir"], invented)
    made = {f"{name}_file": os.path.join(folder, f"{name}.json") for name in _FILES}
    questions = {name: invented_questions(*asked) for name, asked in _FILES.items()}
    for name in _FILES:
        write_private(made[f"{name}_file"], json.dumps(questions[name], indent=1))
    embedded_model.learn_vocabulary(folder, _texts(questions["train"]), _VOCABULARY_ROWS)
    return {**_RUN, **made, **embedded_model.write_model(folder), "do_lower_case": False, **given}


def invented_questions(notes: int, seed: int) -> dict:
    """Invents notes with three questions each, in the layout of SQuAD 1.1.

    Args:
        notes: how many.
        seed: the same seed gives the same notes.
    """
    rng = random.Random(seed)
    data = []
    for number in range(notes):
        facts = rng.sample(_FACTS, 4)
        sentences = [(text, question, values(rng)) for text, question, values in facts]
        sentences += [(filler, None, None) for filler in rng.sample(_FILLERS, 2)]
        rng.shuffle(sentences)
        context, asked = "", []
        for sentence, question, value in sentences:
            if question is not None:
                asked.append((question, value, len(context) + sentence.index("{}")))
                sentence = sentence.format(value)
            context += sentence + " "
        qas = [
            {
                "id": f"note-{seed}-{number}-{place}",
                "question": question,
                "answers": [{"text": value, "answer_start": start}],
            }
            for place, (question, value, start) in enumerate(asked[:3])
        ]
        paragraph = {"context": context.strip(), "qas": qas}
        data.append({"title": f"note-{seed}-{number}", "paragraphs": [paragraph]})
    return {"version": "1.1", "data": data}


def _texts(questions: dict) -> Iterator[str]:
    paragraphs = [article["paragraphs"][0] for article in questions["data"]]
    yield from (paragraph["context"] for paragraph in paragraphs)
    yield from (qa["question"] for paragraph in paragraphs for qa in paragraph["qas"])
