"""Tokenizers side by side on one core: wordpieces per second, and lines that differ from ours.

    python experiments/benchmarks/tokenization.py --input notes.jsonl.gz

Every tokenizer reads the same lines with the same vocabulary (learned from them) in one run; each
figure is the median of several rounds, the tokenizers taking turns. "first pass" starts with
empty tables. The plain form applies the rules to every word anew. Differences are also counted on
lines of odd Unicode. Needs the packages tensorflow-text and tokenizers.
"""

import gzip
import json
import os
import platform
import statistics
import tempfile
import time
from importlib.metadata import version

from absl import app, flags

# Before the libraries that read it are imported: one core for everyone.
os.environ.update(TOKENIZERS_PARALLELISM="false", TF_CPP_MIN_LOG_LEVEL="3")

ODD_LINES = (
    "ﬁ ligature \uff11\uff12\uff13 full width",
    "a\x1cb c\x85d e\u200bf soft\u00adhyphen",
    "line\u2028one \ufffd x\u00a0y",
    "ΟΔΥΣΣΕΥΣ İstanbul ẞ Å café e\u0301",
    "中文 mixed 한국어 हिन्दी \U0001f600",
    "x²+y² ≥ 92% µg ™ ½",
)


def define_flags() -> None:
    flags.DEFINE_string(
        "input",
        None,
        'JSON lines with a key "text", .jsonl or .jsonl.gz. Default: 2,000 invented notes.',
    )
    flags.DEFINE_integer("rounds", 5, "Rounds to take the median of.", lower_bound=1)
    flags.DEFINE_integer("size", 28996, "Rows of the vocabulary.", lower_bound=100)
    flags.DEFINE_bool("do_lower_case", False, "Lower-case and strip accents.")


def read_texts(path: str | None) -> list[str]:
    """The notes of a file of JSON lines, or invented ones."""
    from tfrecords_builder import synthetic

    if path is None:
        return [row["TEXT"] for row in synthetic.generate_notes(2000, seed=7)]
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8") as file:
        return [json.loads(line)["text"] for line in file]


def cached(vocab_file: str, do_lower_case: bool) -> dict:
    """Our tokenizer in its forms, each a function of lines that gives lists of ids."""
    from tfrecords_builder.tokenization import BertTokenizer

    tokenizer = BertTokenizer(vocab_file, do_lower_case)

    def word_by_word(line):
        words = tokenizer.basic_tokenizer.tokenize(line)
        return [row for word in words for row in tokenizer._word_ids(word)]

    def encode_plain(lines):
        return [word_by_word(line) for line in lines]

    def encode(lines):
        return [tokenizer.encode(line) for line in lines]

    def first_pass(lines):
        empty = BertTokenizer.__new__(BertTokenizer)
        empty.__setstate__(tokenizer.__getstate__())
        return empty.encode_lines(lines)

    return {
        "BertTokenizer.encode_lines": tokenizer.encode_lines,
        "BertTokenizer.encode_lines, first pass": first_pass,
        "BertTokenizer.encode": encode,
        "plain form, no table of words": encode_plain,
    }


def hugging_face(vocab_file: str, do_lower_case: bool) -> dict:
    """Hugging Face `tokenizers` with BERT's normalizer, pre-tokenizer and WordPiece."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    model = models.WordPiece.from_file(vocab_file, unk_token="[UNK]", max_input_chars_per_word=200)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=do_lower_case)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()

    def encode(lines):
        return [row.ids for row in tokenizer.encode_batch_fast(lines, add_special_tokens=False)]

    return {"tokenizers (WordPiece)": encode}


def tensorflow_text(vocab_file: str, do_lower_case: bool) -> dict:
    """tensorflow_text's FastBertTokenizer, a batch of all lines at a time."""
    import tensorflow as tf
    import tensorflow_text as tf_text

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    with open(vocab_file, encoding="utf-8") as file:
        rows = file.read().splitlines()
    tokenizer = tf_text.FastBertTokenizer(
        rows, token_out_type=tf.int32, lower_case_nfd_strip_accents=do_lower_case
    )

    def encode(lines):
        return tokenizer.tokenize(tf.constant(lines))

    return {"tensorflow_text.FastBertTokenizer": encode}


def as_lists(encoded) -> list[list[int]]:
    """Ids by line, whatever form a tokenizer gives them in."""
    if isinstance(encoded, tuple):
        ids, lengths = encoded
        ids, ends = ids.tolist(), lengths.cumsum().tolist()
        return [ids[end - length : end] for end, length in zip(ends, lengths.tolist(), strict=True)]
    return encoded if isinstance(encoded, list) else encoded.to_list()


def measure(tokenizers: dict, lines: list[str], rounds: int) -> dict[str, float]:
    """Median seconds of one pass over the lines, after one pass to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in tokenizers}
    for round_number in range(rounds + 1):
        for name, encode in tokenizers.items():
            begin = time.perf_counter()
            encode(lines)
            if round_number:
                seconds[name].append(time.perf_counter() - begin)
    return {name: statistics.median(values) for name, values in seconds.items()}


def main(argv: list[str]) -> None:
    """Learns the vocabulary, compares results, measures and prints a table."""
    from tfrecords_builder.vocabulary import learn_vocabulary, write_vocabulary

    settings = flags.FLAGS
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    texts = read_texts(settings.input)
    lines = [line for text in texts for line in text.split("\n") if line.strip()]
    with tempfile.TemporaryDirectory() as folder:
        vocab_file = os.path.join(folder, "vocab.txt")
        rows = learn_vocabulary(texts, settings.size, settings.do_lower_case)
        write_vocabulary(vocab_file, rows)
        tokenizers = {}
        for family in (cached, hugging_face, tensorflow_text):
            tokenizers |= family(vocab_file, settings.do_lower_case)
    plain = tokenizers["plain form, no table of words"]
    expected, expected_odd = plain(lines), plain(ODD_LINES)
    wordpieces = sum(map(len, expected))
    characters = sum(map(len, lines))
    print(f"{len(lines)} lines, {characters} characters, {wordpieces} wordpieces, {len(rows)} rows")
    versions = ", ".join(f"{name} {version(name)}" for name in ("tokenizers", "tensorflow-text"))
    print(f"Python {platform.python_version()}, {versions}, one core of {platform.platform()}")
    print("| tokenizer | M wordpieces/s | MB/s | lines that differ | of 6 odd lines |")
    print("|---|---|---|---|---|")
    for name, seconds in measure(tokenizers, lines, settings.rounds).items():
        found, odd = as_lists(tokenizers[name](lines)), as_lists(tokenizers[name](list(ODD_LINES)))
        unequal = sum(map(list.__ne__, found, expected))
        unequal_odd = sum(map(list.__ne__, odd, expected_odd))
        rates = f"{wordpieces / seconds / 1e6:.2f} | {characters / seconds / 1e6:.1f}"
        print(f"| {name} | {rates} | {unequal} | {unequal_odd} |")


if __name__ == "__main__":
    define_flags()
    app.run(main)
