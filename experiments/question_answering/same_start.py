"""What both sides of the comparison start from: windows, targets, and loss of equal weights.

    python experiments/question_answering/same_start.py FLAGS (those of hugging_face.py)

Cuts the training questions with run_squad and with Hugging Face's tokenizer, and prints how many
windows and targets are equal. Then both compute loss and gradients of the same windows, dropout
off, with one head of random weights on --init_checkpoint.
"""

import os
import tempfile

import hugging_face
import numpy as np

from clinicalbert_tf import run_squad
from clinicalbert_tf.datasets.questions.question_files import read_questions
from tfrecords_builder import command_line

_COMPARED = 8


def main(argv):
    from transformers import AutoTokenizer

    from clinicalbert_tf.tasks.question_answering.inputs import prepare

    settings, prepared = prepare(run_squad.settings_from_flags("runs/same_start"))
    ours = {tuple(w.token_ids): w.positions for w in prepared.training_windows}
    tokenizer = AutoTokenizer.from_pretrained(settings.init_checkpoint)
    rows = hugging_face.cut(read_questions(settings.train_file), tokenizer, settings)
    theirs = {tuple(row["input_ids"]): row["target"] for row in rows}
    answered = {ids for ids, target in theirs.items() if target != (0, 0)}
    both = answered & set(ours)
    same = sum(tuple(ours[ids]) == theirs[ids] for ids in both)
    print(f"windows of run_squad {len(prepared.training_windows)}, of Hugging Face {len(rows)}")
    print(f"different ones with an answer: {len(ours)} and {len(answered)}, in both {len(both)}")
    print(f"of these with the same target: {same}")
    windows = [w for w in prepared.training_windows if tuple(w.token_ids) in both][:_COMPARED]
    with tempfile.TemporaryDirectory() as folder:
        loss, norms = _their_loss(windows, settings.init_checkpoint, tokenizer, folder)
        our_loss, our_norms = _our_loss(windows, folder)
    print(f"loss of {len(windows)} windows: {our_loss:.6f} and {loss:.6f}")
    for part, norm in norms.items():
        print(f"norm of the gradient of {part}: {our_norms[part]:.6f} and {norm:.6f}")


def _their_loss(windows, checkpoint, tokenizer, folder):
    """(loss, gradient norms by part); saves the model, head included."""
    import torch
    from transformers import AutoModelForQuestionAnswering

    torch.manual_seed(1)
    model = AutoModelForQuestionAnswering.from_pretrained(checkpoint).eval()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    tokenizer.save_vocabulary(folder)
    total = 0.0
    for window in windows:
        ids = torch.tensor(window.token_ids[None].astype(np.int64))
        segments = torch.arange(ids.shape[1])[None] >= window.context_start
        start, end = (torch.tensor([position]) for position in window.positions)
        made = model(
            ids, token_type_ids=segments.long(), start_positions=start, end_positions=end
        )  # fmt: skip
        (made.loss / len(windows)).backward()
        total += made.loss.item() / len(windows)
    parts = {"head": model.qa_outputs.weight, "words": model.bert.embeddings.word_embeddings.weight}
    return total, {name: parameter.grad.norm().item() for name, parameter in parts.items()}


def _our_loss(windows, folder):
    import tensorflow as tf

    import clinicalbert_tf
    from clinicalbert_tf.checkpoints.names import model_variables
    from clinicalbert_tf.tasks.question_answering.objective import SpanObjective
    from clinicalbert_tf.texts.batches import pad_tokens

    model = clinicalbert_tf.from_pretrained(folder).task_model
    contexts = np.array([window.context_start for window in windows])
    padded = pad_tokens([window.token_ids for window in windows], contexts)
    inputs = {name: tf.constant(values) for name, values in padded.items()}
    starts, ends = np.array([window.positions for window in windows], np.int32).T
    batch = inputs | {
        "start_positions": tf.constant(starts),
        "end_positions": tf.constant(ends),
        "target_weights": tf.ones(len(windows)),
    }
    objective = SpanObjective()
    variables = {row.tf1_name: row.variable for row in model_variables(model)}
    wanted = {
        "head": next(v for name, v in variables.items() if name.startswith("cls/squad/output_w")),
        "words": variables["bert/embeddings/word_embeddings"],
    }
    with tf.GradientTape() as tape:
        outputs = model(inputs, training=False)
        loss, _ = objective.loss_and_sums(outputs, batch, objective.normalizers(batch))
    gradients = tape.gradient(loss, {name: v.value for name, v in wanted.items()})
    norms = {
        name: float(tf.norm(tf.convert_to_tensor(gradient))) for name, gradient in gradients.items()
    }
    return float(loss), norms


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    command_line.run(main)
