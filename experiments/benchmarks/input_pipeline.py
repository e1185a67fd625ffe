"""The input pipeline's records per second, by form of records, beside what a training step eats.

    python experiments/benchmarks/input_pipeline.py
    python experiments/benchmarks/input_pipeline.py --notes=600 --records=4096 --step_rate=10

Records of invented notes are built once, in a temporary folder: masked, unmasked, gzip-compressed,
and of nursing notes and radiology reports alone. The forms are read one after another, each for
one round to warm up and then for those whose median is printed. Where other programs run, the
column with the processor time is the one to compare. Last come the shares of padding in batches of
the short notes, by length bucket.
"""

import dataclasses
import os
import platform
import statistics
import tempfile
import time
from importlib.metadata import version

from absl import app, flags

FLAGS = flags.FLAGS
SEED = 7
SHORT_NOTES = ("Nursing", "Nursing/other", "Radiology")
WIDTHS = (0, 4, 8, 16, 32)


def define_flags() -> None:
    flags.DEFINE_integer("notes", 12_000, "Invented notes to build records of.", lower_bound=50)
    flags.DEFINE_integer("records", 32_768, "Records read a round, of each form.", lower_bound=1)
    flags.DEFINE_integer("rounds", 5, "Rounds to take the median of.", lower_bound=1)
    flags.DEFINE_list("batches", ["32", "256"], "Global batch sizes, records.")
    flags.DEFINE_integer("length", 128, "Tokens per record.", lower_bound=16)
    flags.DEFINE_integer("predictions", 20, "Masked tokens per record.", lower_bound=1)
    flags.DEFINE_float(
        "step_rate",
        None,
        "Records a second that a training step eats; measured with the base model if not given.",
        lower_bound=0,
    )
    flags.DEFINE_enum(
        "precision", "float32", ["float32", "mixed_bfloat16"], "Precision of the measured step."
    )
    flags.DEFINE_integer("steps", 2, "Training steps measured, after two to warm up.")


def build(folder: str) -> dict[str, str]:
    """Folders of records by name."""
    from tfrecords_builder import synthetic, vocabulary
    from tfrecords_builder.building import pipeline
    from tfrecords_builder.building.settings import BuilderSettings
    from tfrecords_builder.notes import reading

    notes_file = os.path.join(folder, "NOTEEVENTS.csv.gz")
    vocab_file = os.path.join(folder, "vocab.txt")
    synthetic.write_noteevents(notes_file, FLAGS.notes, SEED)
    texts = (note.text for note in reading.read_notes(notes_file))
    tokens = vocabulary.learn_vocabulary(texts, 8000, False)
    # BERT's size, so that ids take as many bytes.
    tokens += [f"[unused{i}]" for i in range(1, 28997 - len(tokens))]
    vocabulary.write_vocabulary(vocab_file, tokens)
    kinds = {
        "masked": {},
        "gzip": {"compression": "gzip"},
        "unmasked": {"masking": "dynamic"},
        "short": {"categories": SHORT_NOTES},
    }
    for name, settings in kinds.items():
        pipeline.build_records(
            BuilderSettings(
                os.path.join(folder, name),
                input=(notes_file,),
                vocab_file=vocab_file,
                do_lower_case=False,
                max_seq_length=FLAGS.length,
                max_predictions_per_seq=FLAGS.predictions,
                **settings,
            )
        )
    return {name: os.path.join(folder, name) for name in kinds}


def forms(folders: dict[str, str]) -> dict[str, tuple]:
    """(source, options of training_batches) by what the form is called."""
    import tensorflow as tf

    from clinicalbert_tf.input_pipeline.record_source import find_records

    sources = {name: find_records(folder) for name, folder in folders.items()}
    unmasked = sources["unmasked"]
    rule = dataclasses.replace(unmasked.masking, do_whole_word_mask=True)
    return {
        "masked records": (sources["masked"], {}),
        "masked records, gzip": (sources["gzip"], {}),
        "masked records, two replicas": (
            sources["masked"],
            {"context": tf.distribute.InputContext(1, 0, 2)},
        ),
        "masked records, one worker of four": (
            sources["masked"],
            {"context": tf.distribute.InputContext(4, 0, 4)},
        ),
        "dynamic masking": (unmasked, {}),
        "dynamic masking, whole words": (dataclasses.replace(unmasked, masking=rule), {}),
        "length buckets of 8": (sources["masked"], {"length_buckets": 8}),
        "dynamic masking, length buckets of 8": (unmasked, {"length_buckets": 8}),
    }


def reader(source, batch: int, options: dict):
    """A function that reads records and returns (records per second, CPU microseconds each)."""
    from clinicalbert_tf.input_pipeline.dataset import RecordOrder, training_batches

    iterator = iter(training_batches(source, RecordOrder(SEED), batch, **options))
    context = options.get("context")
    elements = 1 if context is None else context.num_replicas_in_sync // context.num_input_pipelines

    def read() -> tuple[float, float]:
        steps = max(1, FLAGS.records // batch)
        start, cpu = time.perf_counter(), time.process_time()
        for _ in range(steps * elements):
            next(iterator)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        return steps * batch / seconds, 1e6 * cpu / (steps * batch)

    # The first window is read and shuffled, and tf.data finds its degree of parallelism.
    read()
    return read


def measure(sources: dict[str, tuple], batch: int, step_rate: float) -> None:
    # One iterator at a time: others would continue to read ahead.
    print(f"\n| batches of {batch} | records/s | CPU microseconds a record | times the step |")
    print("|---|---|---|---|")
    for name, (source, options) in sources.items():
        read = reader(source, batch, options)
        rounds = [read() for _ in range(FLAGS.rounds)]
        rate, cpu = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"| {name} | {rate:,.0f} | {cpu:.1f} | {rate / step_rate:,.0f} |", flush=True)


def measure_step() -> float:
    """Records a second of a training step of base size, batch 32."""
    from pretraining import WARM_UP, Shape
    from pretraining_steps import make_step

    shape = Shape(12, 32, FLAGS.length, FLAGS.predictions, dropout=0.1)
    step = make_step(shape, FLAGS.precision, compiled=True)
    seconds = []
    for _ in range(WARM_UP + FLAGS.steps):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return shape.batch / statistics.median(seconds[WARM_UP:])


def print_padding(folder: str, batch: int) -> None:
    """Shares of padding, of tokens and of predictions, with buckets of several widths."""
    from clinicalbert_tf.input_pipeline.dataset import RecordOrder, training_batches
    from clinicalbert_tf.input_pipeline.record_source import find_records

    source = find_records(folder)
    steps = max(1, source.num_records // batch)
    print(f"\n| {', '.join(SHORT_NOTES)}; batches of {batch} | padding of tokens | shapes |")
    print("|---|---|---|")
    for width in WIDTHS:
        tokens, positions, shapes = 0, 0, set()
        dataset = training_batches(source, RecordOrder(SEED), batch, length_buckets=width)
        for features in dataset.take(steps).as_numpy_iterator():
            mask = features["padding_mask"]
            tokens += int(mask.sum())
            positions += mask.size
            shapes.add((mask.shape[1], features["mask_positions"].shape[1]))
        name = f"--length_buckets={width}"
        print(f"| {name} | {1 - tokens / positions:.1%} | {len(shapes)} |", flush=True)


def main(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"Expected flags only, received {argv[1:]}.")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.umask(0o077)
    step_rate = FLAGS.step_rate or measure_step()
    batches = [int(size) for size in FLAGS.batches]
    with tempfile.TemporaryDirectory() as folder:
        folders = build(folder)
        print(
            f"{platform.processor() or platform.machine()}, {len(os.sched_getaffinity(0))} cores, "
            f"Python {platform.python_version()}, TensorFlow {version('tensorflow')}; length "
            f"{FLAGS.length}, {FLAGS.predictions} predictions, {FLAGS.notes} notes; a training "
            f"step eats {step_rate:.1f} records/s"
            + ("" if FLAGS.step_rate else f" (base size, {FLAGS.precision}, batch 32)")
        )
        sources = forms(folders)
        for batch in batches:
            measure(sources, batch, step_rate)
        print_padding(folders["short"], batches[0])


if __name__ == "__main__":
    define_flags()
    app.run(main)
