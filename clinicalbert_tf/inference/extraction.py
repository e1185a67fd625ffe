"""The run of extract_features: rows -> blocks -> parts -> the output."""

import concurrent.futures
import contextlib
import dataclasses
import functools
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from tqdm import tqdm

from clinicalbert_tf.inference.ahead import ahead
from clinicalbert_tf.inference.loading import check_length, model_digest
from clinicalbert_tf.inference.parts import PartsFolder
from clinicalbert_tf.inference.projector import write_projector
from clinicalbert_tf.inference.settings import ExtractionSettings
from clinicalbert_tf.inference.token_features import TokenFeatureExtractor
from clinicalbert_tf.inference.vectors import VectorExtractor
from clinicalbert_tf.inference.writers import (
    write_line_part,
    write_output,
    write_vector_part,
)
from clinicalbert_tf.texts.batches import Block, make_blocks
from clinicalbert_tf.texts.rows import Row, count_rows
from clinicalbert_tf.texts.windows import SequenceMaker
from tfrecords_builder.schema import file_sha256

# Enough sequences for batches of equal length; about 3,000 sentences, or half a minute of a
# base-size model on two cores, which is what a killed run loses.
VECTOR_BLOCK_TOKENS = 1 << 16
# Every token keeps `layers * hidden` numbers until its row is written: 100 MB at base size.
LINE_BLOCK_TOKENS = 1 << 13


@dataclasses.dataclass(frozen=True)
class ExtractionReport:
    """What a run did.

    Attributes:
        rows: rows in the output.
        resumed_rows: those of them that an earlier run had finished.
        tokens: tokens that this run put through the model, padding not counted.
        seconds: time that took, without loading the model.
        projector_rows: rows written for the projector.
    """

    rows: int
    resumed_rows: int
    tokens: int
    seconds: float
    projector_rows: int


def extract(
    settings: ExtractionSettings, bert, rows: Iterator[Row], restart: bool = False
) -> ExtractionReport:
    """Writes the features of all rows.

    A killed run leaves finished parts beside the output; the next run with the same settings,
    model and input continues after them, and gives the same file.

    Args:
        settings: what to write.
        bert: an object with config, tokenizer and backbone (clinicalbert_tf.from_pretrained).
        rows: the rows of `settings.source`, from its first.
        restart: whether to drop the parts of an earlier run.

    Raises:
        ValueError: max_seq_length is beyond the model's positions, a layer does not exist, the
            input has no row, or an unfinished run with other settings is in the way.
    """
    check_length(settings.max_seq_length, bert.config)
    sequences = SequenceMaker(bert.tokenizer, settings.max_seq_length, settings.stride)
    layers = settings.layers_of(bert.backbone.num_layers)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        # Hashing the input and the weights holds no lock of Python's: the graph is traced beside.
        hashed = pool.submit(_fingerprint, settings, bert)
        compute, write = _part_steps(settings, bert, layers)
    size = len(layers) * bert.backbone.hidden_dim
    fingerprint = {**hashed.result(), "layers": list(layers)}
    with PartsFolder(settings.output_file, fingerprint, restart) as parts:
        resumed, started = parts.rows_done, time.perf_counter()
        blocks = make_blocks(
            itertools.islice(rows, resumed, None),
            lambda place, row: sequences.sequences(place, row.text, row.second_text),
            _block_tokens(settings),
            resumed,
        )
        tokens = _write_parts(blocks, parts, compute, write, settings)
        seconds = time.perf_counter() - started
        if not parts.rows_done:
            raise ValueError(
                f"Expected at least one text in {settings.source.path}, received none. Check "
                "--input_file and --input_format."
            )
        write_output(settings.output_format, settings.output_file, parts.paths(), size)
        shown = 0
        if settings.projector:
            shown = write_projector(settings.projector, parts.paths(), settings.projector_rows)
        parts.remove()
        return ExtractionReport(parts.rows_done, resumed, tokens, seconds, shown)


def _part_steps(
    settings: ExtractionSettings, bert, layers: tuple[int, ...]
) -> tuple[Callable[[Block], Any], Callable[[BinaryIO, Block, Any], None]]:
    """What the model computes of a block, and how that is written."""
    if settings.output_format == "jsonl":
        lines = TokenFeatureExtractor(
            bert.backbone, bert.tokenizer.inverse_vocab, layers, settings.batch_tokens
        )
        return lines.compute, lambda file, block, hidden: write_line_part(
            file, lines.lines(block, hidden)
        )
    vectors = VectorExtractor(bert.backbone, layers, settings.pooling, settings.batch_tokens)
    with_text = bool(settings.projector and settings.projector_text)
    return vectors.extract, lambda file, block, found: write_vector_part(
        file, block, found, with_text
    )


def _write_parts(
    blocks: Iterator[Block],
    parts: PartsFolder,
    compute: Callable[[Block], Any],
    write: Callable[[BinaryIO, Block, Any], None],
    settings: ExtractionSettings,
) -> int:
    """Tokenizes the next block and writes the last one while the model computes."""
    tokens, started = 0, time.perf_counter()
    total = count_rows(settings.source) if settings.unit == "note" else None
    with (
        tqdm(
            total=total, initial=parts.rows_done, unit="row", disable=None, desc="features"
        ) as progress,
        concurrent.futures.ThreadPoolExecutor(1) as writer,
        contextlib.closing(ahead(blocks)) as blocks_ahead,
    ):
        writing = None
        for block in blocks_ahead:
            found = compute(block)
            if writing is not None:
                writing.result()
            writing = writer.submit(
                parts.add, len(block.rows), functools.partial(_write, write, block, found)
            )
            tokens += block.tokens
            progress.update(len(block.rows))
            rate = tokens / (time.perf_counter() - started)
            progress.set_postfix_str(f"{rate:,.0f} tokens/s")
        if writing is not None:
            writing.result()
    return tokens


def _write(write, block: Block, found: Any, file: BinaryIO) -> None:
    write(file, block, found)


def _block_tokens(settings: ExtractionSettings) -> int:
    return LINE_BLOCK_TOKENS if settings.output_format == "jsonl" else VECTOR_BLOCK_TOKENS


def _fingerprint(settings: ExtractionSettings, bert) -> dict:
    """All that a part depends on; the input and the model by their content."""
    source = {
        f"input_{field.name}": getattr(settings.source, field.name)
        for field in dataclasses.fields(settings.source)
        if field.name != "path"
    }
    return {
        **settings.shaping(),
        **source,
        "input_sha256": file_sha256(settings.source.path),
        "model_sha256": model_digest(bert),
    }
