"""Fine-tunes with Hugging Face on PyTorch what a flag file of run_squad asks for (SQuAD 1.1).

    python experiments/question_answering/hugging_face.py \\
        --flagfile=experiments/question_answering/run.flags --train_file=... --dev_file=... \\
        --predict_file=... --init_checkpoint=FOLDER --seed=1 --output_dir=OUT

As transformers' run_qa.py does it: its fast tokenizer with overflowing windows, targets by
character offsets, batches padded to their longest window, and the best pair of the 20 best starts
and ends of each window that lies in the context. Windows begin --doc_stride apart, as run_squad's
do (run_qa's flag of that name is the overlap). run_qa trains windows that do not hold the answer on
[CLS], in SQuAD 1.1 too; --same_windows leaves them out, as run_squad does. Steps, rate, warm-up,
decay and choice of the best epoch on dev are run_squad's. Writes predictions.json and metrics.json;
killed, it continues at the last saved step. Needs the extra `compare`.
"""

import json
import os
import sys

import numpy as np
from absl import flags

from clinicalbert_tf import run_squad
from clinicalbert_tf.datasets.questions.question_files import read_questions
from clinicalbert_tf.metrics.question_answering import scores_v1
from tfrecords_builder import command_line
from tfrecords_builder.files import make_private_folder, write_private

flags.DEFINE_bool("same_windows", False, "Train only on windows that hold the answer.")
_MODEL_INPUTS = ("input_ids", "token_type_ids", "attention_mask")


def main(argv):
    from clinicalbert_tf.tasks.question_answering.inputs import prepare

    settings = run_squad.settings_from_flags("runs/hugging_face")
    if settings.version_2_with_negative:
        raise ValueError("Expected questions that all have an answer. Drop the flag.")
    # Counts the steps as run_squad does: by its training windows.
    settings, _ = prepare(settings)
    make_private_folder(settings.output_dir)
    if not os.path.exists(os.path.join(settings.output_dir, "predictions.json")):
        fine_tune(settings)
    with open(os.path.join(settings.output_dir, "metrics.json"), encoding="utf-8") as file:
        print(file.read())


def fine_tune(settings):
    """Trains with one seed, and answers with the weights that were best on dev."""
    import torch
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    torch_training = _torch_training()
    torch.manual_seed(settings.seed)
    tokenizer = AutoTokenizer.from_pretrained(settings.init_checkpoint)
    model = AutoModelForQuestionAnswering.from_pretrained(settings.init_checkpoint)
    parts = {"train": settings.train_file, "dev": settings.dev_file, "test": settings.predict_file}
    questions = {part: read_questions(path) for part, path in parts.items()}
    windows = {part: cut(questions[part], tokenizer, settings) for part in parts}
    trained = windows["train"]
    if flags.FLAGS.same_windows:
        trained = [window for window in trained if window["target"] != (0, 0)]
    print(f"{len(trained)} windows to train on, {settings.num_train_steps} steps", flush=True)

    def loss_of(places):
        rows = [trained[place] for place in places]
        starts, ends = torch.tensor([row["target"] for row in rows]).T
        return model(**_batch(rows, tokenizer), start_positions=starts, end_positions=ends).loss

    def answers(part):
        return answer(model, tokenizer, questions[part], windows[part], settings)

    def score():
        return scores(questions["dev"], answers("dev"))["f1"]

    lengths = [len(row["input_ids"]) for row in trained]
    folder = settings.output_dir
    value, step = torch_training.fit(model, lengths, loss_of, score, settings, folder)
    found = answers("test")
    metrics = {"global_step": step, "dev_f1": value, **scores(questions["test"], found)}
    write_private(os.path.join(folder, "metrics.json"), json.dumps(metrics, indent=2) + "\n")
    write_private(os.path.join(folder, "predictions.json"), json.dumps(found, indent=4) + "\n")
    torch_training.forget(folder)


def cut(questions, tokenizer, settings):
    """The windows of questions: the model's inputs, "question", "offsets" and "target".

    "offsets" holds (start, end) in the context, None outside of it; "target" the positions that
    run_qa's prepare_train_features gives: (0, 0), [CLS], unless the window holds the answer whole.
    """
    windows = []
    for number, question in enumerate(questions):
        # run_qa strips questions, for their white space would cost room.
        text = question.text.lstrip()
        own = len(tokenizer(text, add_special_tokens=False)["input_ids"])
        overlap = settings.max_seq_length - own - 3 - settings.doc_stride
        encoded = tokenizer(
            text,
            question.context,
            truncation="only_second",
            max_length=settings.max_seq_length,
            stride=max(0, overlap),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        for place, offsets in enumerate(encoded["offset_mapping"]):
            sides = encoded.sequence_ids(place)
            inside = [o if side == 1 else None for o, side in zip(offsets, sides, strict=True)]
            window = {name: encoded[name][place] for name in _MODEL_INPUTS}
            target = _target(inside, question.answers[0])
            windows.append(window | {"question": number, "offsets": inside, "target": target})
    return windows


def answer(model, tokenizer, questions, windows, settings):
    """{question id: text} by a model, windows of like lengths together."""
    import torch

    order = sorted(range(len(windows)), key=lambda place: -len(windows[place]["input_ids"]))
    logits = {}
    with torch.inference_mode():
        for start in range(0, len(order), settings.eval_batch_size):
            places = order[start : start + settings.eval_batch_size]
            made = model(**_batch([windows[place] for place in places], tokenizer))
            pairs = zip(made.start_logits.numpy(), made.end_logits.numpy(), strict=True)
            logits |= dict(zip(places, pairs, strict=True))
    return _best_answers(questions, windows, logits, settings)


def scores(questions, found):
    """Exact match and F1 in percent."""
    return scores_v1({q.question_id: [a.text for a in q.answers] for q in questions}, found)


def _best_answers(questions, windows, logits, settings):
    """{question id: text}: as postprocess_qa_predictions of run_qa's utils_qa.py."""
    best = [(-np.inf, "empty")] * len(questions)
    for place, window in enumerate(windows):
        length = len(window["input_ids"])
        # Without the batch's padding.
        starts, ends = (side[:length] for side in logits[place])
        offsets, number = window["offsets"], window["question"]
        for start in np.argsort(starts)[: -settings.n_best_size - 1 : -1]:
            for end in np.argsort(ends)[: -settings.n_best_size - 1 : -1]:
                if offsets[start] is None or offsets[end] is None:
                    continue
                if not start <= end < start + settings.max_answer_length:
                    continue
                score = starts[start] + ends[end]
                if score > best[number][0]:
                    text = questions[number].context[offsets[start][0] : offsets[end][1]]
                    best[number] = score, text
    return {q.question_id: text for q, (_, text) in zip(questions, best, strict=True)}


def _target(offsets, answer):
    inside = [place for place, offset in enumerate(offsets) if offset is not None]
    if offsets[inside[0]][0] > answer.start or offsets[inside[-1]][1] < answer.end:
        return 0, 0
    first = max(place for place in inside if offsets[place][0] <= answer.start)
    last = min(place for place in inside if offsets[place][1] >= answer.end)
    return first, last


def _batch(rows, tokenizer):
    rows = [{name: row[name] for name in _MODEL_INPUTS} for row in rows]
    return dict(tokenizer.pad(rows, return_tensors="pt"))


def _torch_training():
    # In the folder above, since hugging_face.py of the classification tasks uses it too.
    sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    import torch_training

    return torch_training


if __name__ == "__main__":
    command_line.run(main)
