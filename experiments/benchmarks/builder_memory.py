"""Peak memory of all processes of the builder, for notes of several sizes; see builder.py."""

import csv
import gzip
import io
import pathlib
import random
import resource
import shutil
import subprocess
import sys
import threading
import time

# Notes that are invented; about 10 MB. Larger sizes repeat them.
BLOCK_NOTES = 10_000
# Above the greatest row and subject id of a block.
IDS_A_BLOCK = 1_000_000


def measure(folder: pathlib.Path, sizes: list[float], options: list[str]) -> None:
    """Builds from notes of these sizes, MB of text, and prints a line for each."""
    print(
        "\nNotes of each size: a block of 10 MB of invented notes, repeated with other ids and "
        f"with its digits exchanged. Flags: --num_workers=2 {' '.join(options)}"
    )
    for megabytes in sizes:
        source = folder / "NOTEEVENTS.csv.gz"
        characters = write_notes(source, megabytes)
        print(f"{characters / 1e6:8,.0f} MB of notes: {build(folder, source, characters, options)}")
        source.unlink()


def write_notes(path: pathlib.Path, megabytes: float) -> int:
    """Writes a NOTEEVENTS.csv.gz of this much text; returns its characters.

    Inventing a gigabyte would take longer than building from it. The exchanged digits make new
    words of dates, numbers and what stands beside them, so that tables of words fill as they would.
    """
    from tfrecords_builder import synthetic

    size = 0
    parts = []
    for row in synthetic.generate_notes(BLOCK_NOTES, seed=7):
        size += len(row["TEXT"])
        *fields, text = map(_as_csv, list(row.values())[2:])
        parts.append((int(row["ROW_ID"]), int(row["SUBJECT_ID"]), ",".join(fields), text))
        if size >= megabytes * 1e6:
            break
    times = max(1, round(megabytes * 1e6 / size))
    rng = random.Random(7)
    with gzip.open(path, "wt", compresslevel=1, encoding="utf-8", newline="") as file:
        file.write(",".join(synthetic.COLUMNS) + "\n")
        for first in range(0, times * IDS_A_BLOCK, IDS_A_BLOCK):
            digits = str.maketrans("0123456789", "".join(rng.sample("0123456789", 10)))
            file.writelines(
                f"{first + row},{first + subject},{fields},{text.translate(digits)}\n"
                for row, subject, fields, text in parts
            )
    return times * size


def _as_csv(value: str) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([value])
    return line.getvalue()[:-1]


def build(folder: pathlib.Path, source: pathlib.Path, characters: int, options: list[str]) -> str:
    """Runs the builder; says how much memory and time it took."""
    command = [sys.executable, "-m", "tfrecords_builder", f"--input={source}", "--num_workers=2"]
    command += [f"--output_dir={folder}/records", f"--vocab_file={folder}/vocab.txt"]
    command += ["--do_lower_case=False", *options]
    start, cpu = time.perf_counter(), children_seconds()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peaks = [0, 0]
    sampler = threading.Thread(target=sample, args=(process, peaks))
    sampler.start()
    if process.wait():
        raise SystemExit("The builder failed.")
    sampler.join()
    seconds, cpu = time.perf_counter() - start, children_seconds() - cpu
    shutil.rmtree(folder / "records")
    return (
        f"peak {peaks[0] / 1e6:6,.0f} MB of all processes, {peaks[1] / 1e6:6,.0f} MB of the one "
        f"that reads; {seconds:6.1f} s, {characters / 1e6 / seconds:.1f} MB/s; "
        f"{characters / 1e6 / cpu:.1f} MB per second of processor time"
    )


def sample(process: subprocess.Popen, peaks: list[int]) -> None:
    """Keeps the peaks of all processes together and of the first one until it ends."""
    while process.poll() is None:
        held = [memory(pid) for pid in descendants(process.pid)]
        peaks[0] = max(peaks[0], sum(held))
        peaks[1] = max(peaks[1], held[0])
        time.sleep(0.1)


def children_seconds() -> float:
    """Processor time of the processes that have ended."""
    return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def descendants(pid: int) -> list[int]:
    try:
        text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return [pid]
    return [pid, *(found for child in text.split() for found in descendants(int(child)))]


def memory(pid: int) -> int:
    """Bytes that a process holds, pages shared with others counted in part."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
