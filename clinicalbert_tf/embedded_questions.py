"""The embedded default of run_squad: invented notes, questions about them and a tiny BERT.

No patient stands behind any of them.
"""

import json
import os
import random
from typing import Any

from clinicalbert_tf.config import BertConfig
from tfrecords_builder.files import make_private_folder, write_private

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
_MODEL = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "max_position_embeddings": 128,
    "type_vocab_size": 2,
    "initializer_range": 0.1,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
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
    folder = make_private_folder(os.path.join(given["output_dir"], "data"))
    print(
        f"No data flags: using the embedded default, questions about {_FILES['train'][0]} invented "
        f"notes, a vocabulary learnt from them and a tiny BERT, in {folder}.",
        flush=True,
    )
    made = {}
    for name, (notes, seed) in _FILES.items():
        made[f"{name}_file"] = os.path.join(folder, f"{name}.json")
        write_private(made[f"{name}_file"], json.dumps(invented_questions(notes, seed), indent=1))
    made["vocab_file"] = _vocabulary(folder, made["train_file"])
    made["bert_config_file"] = os.path.join(folder, "bert_config.json")
    with open(made["vocab_file"], encoding="utf-8") as file:
        rows = sum(1 for _ in file)
    BertConfig(vocab_size=rows, **_MODEL).write(made["bert_config_file"])
    return {**_RUN, **made, "do_lower_case": False, **given}


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


def _vocabulary(folder: str, train_file: str) -> str:
    from tfrecords_builder import vocabulary

    path = os.path.join(folder, "vocab.txt")
    if not os.path.exists(path):
        with open(train_file, encoding="utf-8") as file:
            articles = json.load(file)["data"]
        paragraphs = [article["paragraphs"][0] for article in articles]
        texts = [paragraph["context"] for paragraph in paragraphs]
        texts += [qa["question"] for paragraph in paragraphs for qa in paragraph["qas"]]
        rows = vocabulary.learn_vocabulary(texts, _VOCABULARY_ROWS, do_lower_case=False)
        vocabulary.write_vocabulary(path, rows)
    return path
