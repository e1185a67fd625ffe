"""Pretraining records made the way of the reference script, for comparing speed with.

Wordpieces are strings, every character is looked at in Python, every instance becomes a
tf.train.Example of its own: what users of the reference wait for. The draws are in its order too,
so that its records can be compared with the exact mode's.
"""

import random
import unicodedata

import tensorflow as tf


class ReferenceTokenizer:
    """BERT tokenization of cased text, character by character, word by word."""

    def __init__(self, vocab_file: str):
        with open(vocab_file, encoding="utf-8") as file:
            self.vocab = {line.strip(): row for row, line in enumerate(file)}

    def tokenize(self, text: str) -> list[str]:
        return [piece for word in self._words(text) for piece in self._pieces(word)]

    def _words(self, text: str) -> list[str]:
        output = []
        for char in text:
            code, category = ord(char), unicodedata.category(char)
            if char.isspace() or category == "Zs":
                output.append(" ")
            elif code in (0, 0xFFFD) or category.startswith("C"):
                continue
            elif 0x4E00 <= code <= 0x9FFF or (not char.isalnum() and self._punctuation(char)):
                output.append(f" {char} ")
            else:
                output.append(char)
        return "".join(output).split()

    @staticmethod
    def _punctuation(char: str) -> bool:
        return "!" <= char <= "~" or unicodedata.category(char).startswith("P")

    def _pieces(self, word: str) -> list[str]:
        chars, pieces, start = list(word), [], 0
        while start < len(chars):
            end = len(chars)
            while end > start:
                piece = "".join(chars[start:end])
                if start:
                    piece = "##" + piece
                if piece in self.vocab:
                    break
                end -= 1
            if end == start:
                return ["[UNK]"]
            pieces.append(piece)
            start = end
        return pieces


def read_documents(path: str, tokenizer: ReferenceTokenizer) -> list[list[list[str]]]:
    documents = [[]]
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.strip()
            if not line:
                documents.append([])
            elif tokens := tokenizer.tokenize(line):
                documents[-1].append(tokens)
    return [document for document in documents if document]


def truncate(a: list[str], b: list[str], most: int, rng: random.Random) -> None:
    while len(a) + len(b) > most:
        longer = a if len(a) > len(b) else b
        if rng.random() < 0.5:
            del longer[0]
        else:
            longer.pop()


def random_segment(documents, index: int, target: int, rng: random.Random) -> list[str]:
    for _ in range(10):
        other = rng.randint(0, len(documents) - 1)
        if other != index:
            break
    tokens = []
    for sentence in documents[other][rng.randint(0, len(documents[other]) - 1) :]:
        tokens.extend(sentence)
        if len(tokens) >= target:
            break
    return tokens


def instances_of(documents, index: int, settings, words: list[str], rng: random.Random):
    most = settings.max_seq_length - 3
    target = rng.randint(2, most) if rng.random() < settings.short_seq_prob else most
    chunk, length, i = [], 0, 0
    document = documents[index]
    while i < len(document):
        chunk.append(document[i])
        length += len(document[i])
        if i == len(document) - 1 or length >= target:
            a_end = rng.randint(1, len(chunk) - 1) if len(chunk) >= 2 else 1
            a, b = [], []
            for sentence in chunk[:a_end]:
                a.extend(sentence)
            is_random = len(chunk) == 1 or rng.random() < 0.5
            if is_random:
                b = random_segment(documents, index, target - len(a), rng)
                i -= len(chunk) - a_end
            else:
                for sentence in chunk[a_end:]:
                    b.extend(sentence)
            truncate(a, b, most, rng)
            tokens = ["[CLS]", *a, "[SEP]", *b, "[SEP]"]
            segments = [0] * (len(a) + 2) + [1] * (len(b) + 1)
            yield *mask(tokens, settings, words, rng), segments, is_random
            chunk, length = [], 0
        i += 1


def mask(tokens: list[str], settings, words: list[str], rng: random.Random):
    candidates = [[i] for i, token in enumerate(tokens) if token not in ("[CLS]", "[SEP]")]
    rng.shuffle(candidates)
    output, chosen = list(tokens), []
    wanted = max(1, round(len(tokens) * settings.masked_lm_prob))
    for indexes in candidates:
        if len(chosen) >= min(settings.max_predictions_per_seq, wanted):
            break
        for index in indexes:
            if rng.random() < 0.8:
                output[index] = "[MASK]"
            elif rng.random() >= 0.5:
                output[index] = words[rng.randint(0, len(words) - 1)]
            chosen.append((index, tokens[index]))
    return output, sorted(chosen)


def write(instances, path: str, settings, vocab: dict[str, int]) -> None:
    length, predictions = settings.max_seq_length, settings.max_predictions_per_seq

    def ints(values, width):
        values = list(values)
        padded = values + [0] * (width - len(values))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=padded))

    with tf.io.TFRecordWriter(path) as writer:
        for tokens, chosen, segments, is_random in instances:
            weights = [1.0] * len(chosen) + [0.0] * (predictions - len(chosen))
            features = {
                "input_ids": ints((vocab[token] for token in tokens), length),
                "input_mask": ints([1] * len(tokens), length),
                "segment_ids": ints(segments, length),
                "masked_lm_positions": ints((i for i, _ in chosen), predictions),
                "masked_lm_ids": ints((vocab[token] for _, token in chosen), predictions),
                "masked_lm_weights": tf.train.Feature(float_list=tf.train.FloatList(value=weights)),
                "next_sentence_labels": ints([int(is_random)], 1),
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())


def create_pretraining_data(settings) -> int:
    """Takes `create_pretraining_data.ReferenceSettings` of one input, one output, cased text."""
    rng = random.Random(settings.random_seed)
    tokenizer = ReferenceTokenizer(settings.vocab_file)
    documents = read_documents(settings.input_file, tokenizer)
    rng.shuffle(documents)
    words = list(tokenizer.vocab)
    made = []
    for _ in range(settings.dupe_factor):
        for index in range(len(documents)):
            made.extend(instances_of(documents, index, settings, words, rng))
    rng.shuffle(made)
    write(made, settings.output_file, settings, tokenizer.vocab)
    return len(made)
