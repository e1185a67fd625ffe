"""A file of notes -> a file of clean notes, row for row, in one or several processes."""

import collections
import hashlib
import json
import multiprocessing
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field

from clinicalbert_tf.deidentification.key_file import key_line
from clinicalbert_tf.deidentification.note import Cleaner, CleanNote
from clinicalbert_tf.deidentification.outputs import Outputs
from clinicalbert_tf.deidentification.rows import (
    Row,
    csv_columns,
    encode,
    format_of,
    header,
    read_rows,
    text_key,
)
from clinicalbert_tf.deidentification.settings import Settings
from clinicalbert_tf.deidentification.surrogates import Surrogates
from clinicalbert_tf.texts.note_sections import section_kinds
from tfrecords_builder.files import check_folder_of, write_private

_ROWS_PER_BATCH = 64
# A batch ends early at so many characters, so that memory does not follow the notes' length.
_CHARACTERS_PER_BATCH = 2**20


def deidentify(settings: Settings, progress: Callable[[int], object] = lambda notes: None) -> dict:
    """Cleans a file.

    Beside the output stand OUTPUT.report.jsonl, with one line per note {"row", "note_id",
    "removed": type -> count, "left": type -> count}, and "without_section": true if the note has
    none of the sections that are cleaned; and OUTPUT.report.json with the totals, which are
    returned. A run that was killed resumes if it is started again.

    Args:
        settings: files and style.
        progress: called with the number of notes of each batch.

    Raises:
        ValueError: a wrong file or setting; rows are named by number and id, never by text.
        FileExistsError: an output is there already.
    """
    check(settings)
    paths = {"output": settings.output, "report": f"{settings.output}.report.jsonl"}
    if settings.key_file:
        paths["key"] = settings.key_file
    outputs = Outputs(paths, _fingerprint(settings))
    try:
        totals = _Totals.of(outputs.totals)
        progress(outputs.rows)
        rows = _skip(read_rows(settings.input, settings.keys), outputs.rows)
        kind, name = format_of(settings.output), None
        if not outputs.started:
            names = csv_columns(settings.input) if kind == "csv" else ()
            outputs.write(0, {"output": header(kind, names)}, totals.state())
        for batch, notes in _cleaned(settings, rows):
            pieces = collections.defaultdict(bytes)
            if name is None:
                name = text_key(settings.keys, batch[0].data, settings.input)
            for row, note in zip(batch, notes, strict=True):
                if note is None:
                    note = CleanNote("")
                    totals.without_text += 1
                else:
                    row.data[name] = note.text
                pieces["output"] += encode(kind, row.data)
                pieces["report"] += totals.add(row, note)
                if settings.key_file:
                    pieces["key"] += key_line(row.number, row.note_id, note)
            outputs.write(len(batch), pieces, totals.state())
            progress(len(batch))
        outputs.finish()
    finally:
        outputs.close()
    return _write_report(settings, totals)


def check(settings: Settings) -> None:
    """Checks settings and paths before any work.

    Raises:
        ValueError: formats differ, a path stands for two files, or a setting is missing.
        FileNotFoundError: there is no input.
    """
    if not os.path.isfile(settings.input):
        raise FileNotFoundError(f"Expected a file for --input, found none at {settings.input}.")
    if format_of(settings.input) != format_of(settings.output):
        raise ValueError(
            f"Expected one format for input and output, received {settings.input} and "
            f"{settings.output}."
        )
    real = [os.path.realpath(p) for p in (settings.input, settings.output, settings.key_file) if p]
    if len(set(real)) < len(real) or (
        os.path.exists(settings.output) and os.path.samefile(settings.input, settings.output)
    ):
        raise ValueError(
            "Expected different files for --input, --output and --key_file: originals are never "
            f"overwritten. Received {settings.input}, {settings.output} and {settings.key_file}."
        )
    check_folder_of(settings.output, "output")
    if settings.key_file:
        check_folder_of(settings.key_file, "key_file")
    if settings.processes < 1:
        raise ValueError(f"Expected at least one process, received {settings.processes}.")
    if not settings.use_rules and settings.model is None:
        raise ValueError("Expected --model if the rules are off, received none.")
    # The style's and the secret's own checks, before a worker makes them.
    _cleaner(settings, with_model=False)


def _cleaned(
    settings: Settings, rows: Iterable[Row]
) -> Iterator[tuple[list[Row], list[CleanNote | None]]]:
    batches = _batches(rows)
    if settings.processes == 1:
        cleaner = None
        for batch in batches:
            cleaner = cleaner or _cleaner(settings)
            yield batch, clean_batch(cleaner, _texts(batch))
        return
    # Spawned, since TensorFlow does not survive a fork.
    pool = ProcessPoolExecutor(
        settings.processes, multiprocessing.get_context("spawn"), _start_worker, (settings,)
    )
    with pool:
        waiting: collections.deque = collections.deque()
        for batch in batches:
            waiting.append((batch, pool.submit(_work, _texts(batch))))
            # Few batches wait, so that a slow writer does not fill the memory.
            if len(waiting) > 2 * settings.processes:
                done, future = waiting.popleft()
                yield done, future.result()
        while waiting:
            done, future = waiting.popleft()
            yield done, future.result()


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    batch, characters = [], 0
    for row in rows:
        batch.append(row)
        characters += len(row.text or "")
        if len(batch) == _ROWS_PER_BATCH or characters >= _CHARACTERS_PER_BATCH:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _texts(batch: list[Row]) -> list[tuple[str | None, str]]:
    return [(row.text, row.patient) for row in batch]


def clean_batch(cleaner: Cleaner, texts: list) -> list[CleanNote | None]:
    """Cleans (text, patient) pairs; None stays for a note whose text is None."""
    return [None if text is None else cleaner.clean(text, patient) for text, patient in texts]


def _cleaner(settings: Settings, with_model: bool = True) -> Cleaner:
    detector = None
    if settings.model and with_model:
        from clinicalbert_tf.deidentification.detector import load_detector, lowest

        detector = load_detector(settings.model, lowest(settings.thresholds))
    surrogates = Surrogates(settings.secret) if settings.style == "surrogate" else None
    return Cleaner(
        settings.style,
        surrogates,
        detector,
        settings.thresholds,
        settings.use_rules,
        section_kinds(settings.sections),
    )


_worker: list[Cleaner] = []


def _start_worker(settings: Settings) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker[:] = [_cleaner(settings)]


def _end_with_parent() -> None:
    # A killed parent closes nothing: its workers would wait for work for ever.
    multiprocessing.parent_process().join()
    os._exit(1)


def _work(texts: list) -> list[CleanNote | None]:
    return clean_batch(_worker[0], texts)


def _skip(rows: Iterator[Row], count: int) -> Iterator[Row]:
    for _ in range(count):
        next(rows)
    return rows


def _fingerprint(settings: Settings) -> dict:
    status = os.stat(settings.input)
    return {
        "input": os.path.realpath(settings.input),
        "input_size": status.st_size,
        "input_changed": status.st_mtime_ns,
        "key_file": settings.key_file,
        "style": settings.style,
        "secret": hashlib.sha256(b"fingerprint" + settings.secret).hexdigest(),
        "model": settings.model,
        "use_rules": settings.use_rules,
        "thresholds": settings.thresholds,
        "keys": asdict(settings.keys),
        "sections": list(settings.sections),
    }


@dataclass
class _Totals:
    notes: int = 0
    notes_with_removals: int = 0
    without_text: int = 0
    without_section: int = 0
    removed: Counter = field(default_factory=Counter)
    by_source: Counter = field(default_factory=Counter)
    left: Counter = field(default_factory=Counter)

    @classmethod
    def of(cls, state: dict) -> "_Totals":
        values = {k: Counter(v) if isinstance(v, dict) else v for k, v in state.items()}
        return cls(**values)

    def state(self) -> dict:
        return {k: dict(v) if isinstance(v, Counter) else v for k, v in vars(self).items()}

    def add(self, row: Row, note: CleanNote) -> bytes:
        """Counts a note and returns its line of the report."""
        removed = Counter(replacement.label for replacement in note.replacements)
        self.notes += 1
        self.notes_with_removals += bool(removed)
        self.removed += removed
        self.by_source += Counter(replacement.source for replacement in note.replacements)
        self.left += note.left
        line = {"row": row.number, "note_id": row.note_id, "removed": dict(removed)}
        line["left"] = dict(note.left)
        if not note.has_sections:
            self.without_section += 1
            line["without_section"] = True
        return (json.dumps(line) + "\n").encode()


def _write_report(settings: Settings, totals: _Totals) -> dict:
    report = {
        "input": settings.input,
        "output": settings.output,
        "style": settings.style,
        "model": settings.model,
        "found_by": "model and rules" if settings.model and settings.use_rules else
        "model" if settings.model else "rules alone",
        "sections": list(settings.sections),
        **totals.state(),
    }  # fmt: skip
    write_private(f"{settings.output}.report.json", json.dumps(report, indent=1) + "\n")
    return report
