"""The builder's speed and memory, beside the reference's way of making the same records.

    python experiments/benchmarks/builder.py
    python experiments/benchmarks/builder.py --memory_mb 10,100,1000

Invented notes are cut into sentence files once; then every side builds records of them
(max_seq_length 128, dupe_factor 5) in turn, in a process of its own that has imported everything
before its clock starts: the whole stage with one worker and with two, the exact mode, and the
reference's way (reference_way.py) on a smaller file, whose records must equal the exact mode's.
Figures are medians of several rounds. --memory_mb builds from NOTEEVENTS.csv.gz files of those
sizes and samples the memory of all processes together (builder_memory.py); --rounds=0 leaves out
all the rest.
"""

import json
import os
import pathlib
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version

from absl import app, flags

FLAGS = flags.FLAGS
SIDES = ("stage_1", "stage_2", "exact", "reference")
STEPS = ("tokenization", "spilling", "reading back", "pairing", "masking", "encoding", "writing")


def define_flags() -> None:
    flags.DEFINE_integer("megabytes", 60, "Sentences for the whole stage, MB.", lower_bound=1)
    flags.DEFINE_integer("small_megabytes", 1, "Sentences for the other sides, MB.", lower_bound=1)
    flags.DEFINE_integer("rounds", 3, "Rounds to take the median of.", lower_bound=0)
    flags.DEFINE_string("vocab_file", None, "A cased vocabulary instead of a learnt one.")
    flags.DEFINE_list("memory_mb", [], "Sizes of notes to measure memory with, MB of text.")
    flags.DEFINE_string("deduplicate", "none", "As the builder's flag, with --memory_mb.")
    flags.DEFINE_integer("dupe_factor", 1, "As the builder's flag, with --memory_mb.")
    flags.DEFINE_string("folder", None, "Where to work; a temporary folder by default.")
    flags.DEFINE_string("side", None, "Internal: the process of one side.")


def note_lines(seed: int):
    """Sentences of invented notes, a list a note."""
    from tfrecords_builder import synthetic
    from tfrecords_builder.text import sections, sentences

    for row in synthetic.generate_notes(10_000_000, seed):
        parts = sections.split_sections(row["TEXT"])
        if lines := [line for part in parts for line in sentences.split_sentences(part)]:
            yield lines


def write_sentences(path: pathlib.Path, megabytes: int) -> None:
    size = 0
    with open(path, "w", encoding="utf-8") as file:
        for lines in note_lines(seed=7):
            size += file.write("\n".join(lines) + "\n\n")
            if size >= megabytes * 1e6:
                return


def prepare(folder: pathlib.Path) -> None:
    """Writes the sentence files and the vocabulary."""
    from tfrecords_builder import vocabulary

    write_sentences(folder / "large.txt", FLAGS.megabytes)
    write_sentences(folder / "small.txt", FLAGS.small_megabytes)
    if FLAGS.vocab_file:
        shutil.copy(FLAGS.vocab_file, folder / "vocab.txt")
        return
    with open(folder / "small.txt", encoding="utf-8") as file:
        tokens = vocabulary.learn_vocabulary(file, 28996, False)
    # BERT's size, so that ids take as many bytes.
    tokens += [f"[unused{i}]" for i in range(1, 28997 - len(tokens))]
    vocabulary.write_vocabulary(str(folder / "vocab.txt"), tokens)


def run_side(folder: pathlib.Path, side: str) -> dict:
    """Runs one side in this process; returns its instances, seconds and, of the stage, steps."""
    if side.startswith("stage"):
        return run_stage(folder, int(side[-1]))
    import reference_way

    from tfrecords_builder import create_pretraining_data, tokenization
    from tfrecords_builder.building import records
    from tfrecords_builder.pairing import exact_pairing

    # The exact mode imports these when it runs; no side's clock counts imports.
    del exact_pairing, records, tokenization
    settings = create_pretraining_data.ReferenceSettings(
        input_file=str(folder / "small.txt"),
        output_file=str(folder / f"{side}.tfrecord"),
        vocab_file=str(folder / "vocab.txt"),
        do_lower_case=False,
        dupe_factor=5,
    )
    module = reference_way if side == "reference" else create_pretraining_data
    start, cpu = time.perf_counter(), cpu_seconds()
    made = module.create_pretraining_data(settings)
    seconds = time.perf_counter() - start
    return {"instances": made, "seconds": seconds, "cpu": cpu_seconds() - cpu}


def cpu_seconds() -> float:
    """Processor time of this process and of the workers that have ended."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def run_stage(folder: pathlib.Path, workers: int) -> dict:
    from tfrecords_builder.building import pipeline
    from tfrecords_builder.building.settings import BuilderSettings

    settings = BuilderSettings(
        str(folder / "records"),
        input=(str(folder / "large.txt"),),
        vocab_file=str(folder / "vocab.txt"),
        do_lower_case=False,
        num_workers=workers,
        overwrite=True,
    )
    steps = time_steps() if workers == 1 else {}
    start, cpu = time.perf_counter(), cpu_seconds()
    manifest = pipeline.build_records(settings)
    result = {"seconds": time.perf_counter() - start, "cpu": cpu_seconds() - cpu, "steps": steps}
    shutil.rmtree(folder / "records")
    return result | {"instances": manifest.counts["instances"]}


def time_steps() -> dict[str, float]:
    """Wraps the functions of each step; returns the seconds spent in them, filled in later."""
    from tfrecords_builder import tokenization
    from tfrecords_builder.building.records import RecordWriter
    from tfrecords_builder.building.running import stage_worker
    from tfrecords_builder.building.storage import shard_documents, spill, wire
    from tfrecords_builder.pairing import streaming_pairing
    from tfrecords_builder.pairing.block_masking import BlockMasker

    seconds = dict.fromkeys(STEPS, 0.0)

    def wrap(owner, name, step, within=None):
        function = getattr(owner, name)

        def timed(*arguments, **options):
            start = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                spent = time.perf_counter() - start
                seconds[step] += spent
                if within:
                    seconds[within] -= spent

        setattr(owner, name, timed)

    wrap(tokenization.BertTokenizer, "encode_lines", "tokenization")
    wrap(stage_worker, "append_documents", "spilling")
    wrap(spill.SpillIndex, "add", "spilling")
    wrap(spill.SpillIndex, "close", "spilling")
    wrap(shard_documents.ShardDocuments, "pool", "reading back")
    wrap(streaming_pairing, "make_pairs", "pairing")
    wrap(streaming_pairing, "gather_block", "pairing")
    wrap(BlockMasker, "mask", "masking")
    wrap(wire.ExampleEncoder, "encode", "encoding", within="writing")
    wrap(RecordWriter, "write", "writing")
    wrap(RecordWriter, "__exit__", "writing")
    return seconds


def start_side(folder: pathlib.Path, side: str) -> dict:
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, __file__, f"--side={side}", f"--folder={folder}"],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        env=environment,
    )
    return json.loads(done.stdout.splitlines()[-1])


def check_equal(folder: pathlib.Path) -> None:
    """The exact mode and the reference's way must have written the same records."""
    from tfrecords_builder import tfrecord_files
    from tfrecords_builder.building import records

    files = [tfrecord_files.read_records(str(folder / f"{side}.tfrecord")) for side in SIDES[2:]]
    parsed = (map(records.wire.decode_example, file) for file in files)
    for number, (one, other) in enumerate(zip(*parsed, strict=True)):
        if any((one[name] != other[name]).any() for name in one):
            raise SystemExit(f"Record {number} differs between the exact mode and the reference.")


def print_table(results: dict[str, list[dict]]) -> None:
    rate = {
        side: statistics.median(r["instances"] / r["seconds"] for r in rounds)
        for side, rounds in results.items()
    }
    cpu = {
        side: statistics.median(r["cpu"] / r["instances"] for r in rounds)
        for side, rounds in results.items()
    }
    print(f"\n{'side':28}{'instances/s':>14}{'times the reference':>22}{'CPU us/instance':>18}")
    for side, name in (
        ("reference", "the reference's way"),
        ("exact", "create_pretraining_data"),
        ("stage_1", "whole stage, 1 worker"),
        ("stage_2", "whole stage, 2 workers"),
    ):
        ratio = rate[side] / rate["reference"]
        print(f"{name:28}{rate[side]:14,.0f}{ratio:22.1f}{1e6 * cpu[side]:18.2f}")
    print(f"2 workers are {rate['stage_2'] / rate['stage_1']:.2f} times as fast as 1.")
    rounds = results["stage_1"]
    print(f"\n{'step (1 worker)':34}{'microseconds an instance':>26}{'share':>8}")
    total = statistics.median(r["seconds"] / r["instances"] for r in rounds)
    left = total
    for step in STEPS:
        spent = statistics.median(r["steps"][step] / r["instances"] for r in rounds)
        left -= spent
        print(f"{step:34}{1e6 * spent:26.2f}{spent / total:8.0%}")
    print(f"{'reading lines and the rest':34}{1e6 * left:26.2f}{left / total:8.0%}")


def time_sentences() -> None:
    """Prints the speed of sections and sentences on one core."""
    from tfrecords_builder import synthetic
    from tfrecords_builder.text import sections, sentences

    texts = [row["TEXT"] for row in synthetic.generate_notes(3000, seed=3)]
    megabytes = sum(map(len, texts)) / 1e6
    spent = []
    for _ in range(7):
        start = time.process_time()
        for parts in map(sections.split_sections, texts):
            sentences.split_all_sentences(parts)
        spent.append(time.process_time() - start)
    rate = megabytes / min(spent)
    print(f"\nSections and sentences: {rate:.1f} MB per second of processor time.")


def main(argv: list[str]) -> None:
    del argv
    if FLAGS.side:
        print(json.dumps(run_side(pathlib.Path(FLAGS.folder), FLAGS.side)))
        return
    with tempfile.TemporaryDirectory(dir=FLAGS.folder) as name:
        folder = pathlib.Path(name)
        prepare(folder)
        print(
            f"{platform.processor() or platform.machine()}, {len(os.sched_getaffinity(0))} cores, "
            f"Python {platform.python_version()}, NumPy {version('numpy')}, "
            f"TensorFlow {version('tensorflow')}"
        )
        if FLAGS.rounds:
            compare_sides(folder)
        time_sentences()
        if FLAGS.memory_mb:
            import builder_memory

            options = [f"--dupe_factor={FLAGS.dupe_factor}", f"--deduplicate={FLAGS.deduplicate}"]
            builder_memory.measure(folder, list(map(float, FLAGS.memory_mb)), options)


def compare_sides(folder: pathlib.Path) -> None:
    results = {side: [] for side in SIDES}
    for _ in range(FLAGS.rounds):
        for side in SIDES:
            results[side].append(start_side(folder, side))
    check_equal(folder)
    print(
        f"{FLAGS.megabytes} MB of sentences ({FLAGS.small_megabytes} MB for the first two), median "
        f"of {FLAGS.rounds}"
    )
    print_table(results)


if __name__ == "__main__":
    define_flags()
    app.run(main)
