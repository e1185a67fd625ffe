"""Hugging Face's fine-tuning of a tagger on the columns of prepare.py: scores of the test part.

    python experiments/entities/hugging_face.py --data_dir DIR --output RESULTS.jsonl

AutoModelForTokenClassification in the loop of its Trainer with the Trainer's settings: AdamW, decay
0.01 without biases and layer norms, gradients clipped at 1, linear warm-up and decay, batches
padded to their longest. The label of a word is that of its first wordpiece; the best label of each
word counts, and words past the cut count as O. A line of results per seed; finished ones are not
repeated. Torch stands in this script only.
"""

import random
import time

import comparison
import torch
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    get_linear_schedule_with_warmup,
)

from clinicalbert_tf.datasets.entity_sets import read_entity_set

_IGNORED = -100
_NO_DECAY = ("bias", "LayerNorm.weight")


def main() -> None:
    """Trains and tests with each seed."""
    values = comparison.arguments(__doc__)
    data = read_entity_set("conll", values.data_dir)
    tokenizer = AutoTokenizer.from_pretrained(values.model)
    ids = {label: number for number, label in enumerate(data.labels)}
    train, test = (
        encode(data.parts[part], tokenizer, ids, values.max_seq_length)
        for part in ("train", "test")
    )
    gold = [list(sentence.labels) for sentence in data.parts["test"]]
    for seed in comparison.seeds_left(values, "torch"):
        torch.manual_seed(seed)
        model = AutoModelForTokenClassification.from_pretrained(values.model, num_labels=len(ids))
        started = time.monotonic()
        fit(model, tokenizer, train, values, random.Random(seed))
        seconds = time.monotonic() - started
        predicted = predict(model, tokenizer, test, gold, data.labels)
        comparison.write(values, "torch", seed, "best label", gold, predicted, seconds)


def fit(model, tokenizer, train, values, random_):
    """Trains a model as the Trainer does."""
    # As many steps as the other side counts.
    steps = round(len(train) * values.num_train_epochs / values.train_batch_size)
    optimizer = torch.optim.AdamW(parameter_groups(model), lr=values.learning_rate)
    schedule = get_linear_schedule_with_warmup(optimizer, int(0.1 * steps), steps)
    model.train()
    order: list[int] = []
    for _ in range(steps):
        if len(order) < values.train_batch_size:
            order += random_.sample(range(len(train)), len(train))
        members, order = order[: values.train_batch_size], order[values.train_batch_size :]
        model(**batch([train[member] for member in members], tokenizer)).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()


def encode(sentences, tokenizer, ids, length):
    """Sentences as {"input_ids", "labels", "words"}: the word that begins at a token, or None."""
    encoded = tokenizer(
        [list(sentence.words) for sentence in sentences],
        is_split_into_words=True,
        truncation=True,
        max_length=length,
    )
    rows = []
    for number, sentence in enumerate(sentences):
        words, before = [], None
        for word in encoded.word_ids(number):
            words.append(word if word != before else None)
            before = word
        labels = [_IGNORED if word is None else ids[sentence.labels[word]] for word in words]
        rows.append({"input_ids": encoded["input_ids"][number], "labels": labels, "words": words})
    return rows


def batch(rows, tokenizer):
    """A batch padded to its longest row."""
    made = tokenizer.pad([{"input_ids": row["input_ids"]} for row in rows], return_tensors="pt")
    width = made["input_ids"].shape[1]
    labels = [row["labels"] + [_IGNORED] * (width - len(row["labels"])) for row in rows]
    return {**made, "labels": torch.tensor(labels)}


def parameter_groups(model):
    """Parameters with decay and without."""
    named = list(model.named_parameters())
    return [
        {
            "params": [p for n, p in named if any(part in n for part in _NO_DECAY) == without],
            "weight_decay": 0.0 if without else 0.01,
        }
        for without in (False, True)
    ]


def predict(model, tokenizer, rows, gold, labels):
    """The best label of every word, sorted by length."""
    predicted = [["O"] * len(of) for of in gold]
    order = sorted(range(len(rows)), key=lambda number: -len(rows[number]["input_ids"]))
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(order), 32):
            members = order[start : start + 32]
            made = batch([rows[member] for member in members], tokenizer)
            del made["labels"]
            best = model(**made).logits.argmax(-1)
            for member, of in zip(members, best.tolist(), strict=True):
                for place, word in enumerate(rows[member]["words"]):
                    if word is not None:
                        predicted[member][word] = labels[of[place]]
    return predicted


if __name__ == "__main__":
    main()
