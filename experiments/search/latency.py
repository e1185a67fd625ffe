"""How long a search of many vectors takes, once the query is a vector.

    python experiments/search/latency.py
    python experiments/search/latency.py --vectors 1000000 --size 384 --rounds 20 --usearch

Random unit vectors in a file, mapped as a query does it, each a chunk of its own; four chunks per
note. Prints the median and the extremes of whole searches (filters, best ten, strings of the hits),
and of the product with all vectors alone.
"""

import os
import statistics
import tempfile
import time

import numpy as np
from absl import app, flags

from clinicalbert_tf.inference.search import approximate, index_files
from clinicalbert_tf.inference.search.encoder import unit_vectors
from clinicalbert_tf.inference.search.scores import cosines
from clinicalbert_tf.inference.search.search_index import SearchIndex
from clinicalbert_tf.inference.search.string_table import write_strings

FLAGS = flags.FLAGS


def define_flags() -> None:
    flags.DEFINE_integer("vectors", 1_000_000, "Vectors.")
    flags.DEFINE_integer("size", 384, "Numbers per vector.")
    flags.DEFINE_integer("rounds", 20, "Queries to take the median of.")
    flags.DEFINE_bool("usearch", False, "Build and measure the approximate index too.")


def write_random_index(folder: str) -> None:
    """An index's files, without a model."""
    chance = np.random.default_rng(7)
    count, size = FLAGS.vectors, FLAGS.size
    path = os.path.join(folder, index_files.VECTORS_NAME)
    vectors = np.lib.format.open_memmap(path, "w+", "<f4", (count, size))
    for start in range(0, count, 1 << 14):
        block = vectors[start : start + (1 << 14)]
        block[:] = unit_vectors(chance.standard_normal(block.shape, np.float32))
    vectors.flush()
    note = np.arange(count) // 4
    columns = {"note": note, "start": note * 0, "end": note * 0 + 9, "vector": np.arange(count)}
    for name, values in columns.items():
        np.save(os.path.join(folder, f"chunk_{name}.npy"), values)
    index_files.write_chunks_of_vectors(folder, columns["vector"])
    notes = int(note[-1]) + 1
    write_strings(folder, "notes", map(str, range(notes)))
    write_strings(folder, "patients", map(str, range(1000)))
    write_strings(folder, "categories", ["Nursing", "Radiology"])
    np.save(os.path.join(folder, "note_patient.npy"), np.arange(notes) % 1000)
    np.save(os.path.join(folder, "note_category.npy"), np.arange(notes) % 2)
    content = f'{{"format": {index_files.FORMAT}, "store_text": false}}'
    with open(os.path.join(folder, index_files.INDEX_NAME), "w", encoding="utf-8") as file:
        file.write(content)


def timed(name: str, call) -> None:
    """Prints wall and processor milliseconds of a call, after one that warms up."""
    call()
    walls, busy = [], []
    for _ in range(FLAGS.rounds):
        wall, processor = time.perf_counter(), time.process_time()
        call()
        walls.append(1000 * (time.perf_counter() - wall))
        busy.append(1000 * (time.process_time() - processor))
    print(
        f"{name:28}{statistics.median(walls):9.1f} ms ({min(walls):.1f} to {max(walls):.1f}), "
        f"processor {statistics.median(busy):.1f} ms",
        flush=True,
    )


def main(argv: list[str]) -> None:
    del argv
    with tempfile.TemporaryDirectory() as folder:
        write_random_index(folder)
        print(f"{FLAGS.vectors:,} vectors of {FLAGS.size}, {os.cpu_count()} cores")
        query = unit_vectors(np.random.default_rng(1).normal(size=(1, FLAGS.size)))[0]
        vectors = np.load(os.path.join(folder, index_files.VECTORS_NAME), mmap_mode="r")
        timed("product alone", lambda: cosines(vectors, query))
        index = SearchIndex(folder)
        timed("search", lambda: index.search(query))
        timed("search, per note", lambda: index.search(query, per_note=True))
        timed("search, one category", lambda: index.search(query, categories=["Nursing"]))
        timed("search, one patient", lambda: index.search(query, patients=["7"]))
        if FLAGS.usearch:
            started = time.perf_counter()
            approximate.build(vectors, os.path.join(folder, index_files.APPROXIMATE_NAME))
            print(f"usearch built in {time.perf_counter() - started:.0f} s")
            near = SearchIndex(folder)
            timed("usearch", lambda: near.search(query))


if __name__ == "__main__":
    define_flags()
    app.run(main)
