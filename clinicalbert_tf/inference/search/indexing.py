"""Rows -> chunks -> vectors -> parts -> an index's folder, there only when complete."""

import contextlib
import dataclasses
import itertools
import os
import shutil
from collections.abc import Iterator

from tqdm import tqdm

from clinicalbert_tf.inference.ahead import ahead
from clinicalbert_tf.inference.loading import model_digest
from clinicalbert_tf.inference.parts import PartsFolder
from clinicalbert_tf.inference.search import approximate
from clinicalbert_tf.inference.search.chunks import ChunkMaker
from clinicalbert_tf.inference.search.encoder import ChunkEncoder
from clinicalbert_tf.inference.search.index_files import INDEX_NAME, write_index, write_part
from clinicalbert_tf.inference.search.settings import MOST_EXACT, IndexSettings
from clinicalbert_tf.texts.batches import Block, make_blocks
from clinicalbert_tf.texts.rows import Row
from tfrecords_builder.files import make_private_folder, temporary_name
from tfrecords_builder.schema import file_sha256

# What a killed run loses: about half a minute of a base-size model on two cores.
BLOCK_TOKENS = 1 << 16


def build_index(
    settings: IndexSettings, bert, rows: Iterator[Row], checkpoint: str, restart: bool = False
) -> dict:
    """Embeds all rows and writes the index.

    A killed run leaves finished parts beside the folder; the next run with the same settings,
    model and input continues after them.

    Args:
        settings: what to make.
        bert: an object with config, tokenizer and backbone (clinicalbert_tf.from_pretrained).
        rows: the rows of `settings.source`, from its first.
        checkpoint: where the model came from, for queries that name none.
        restart: whether to drop the parts of an earlier run.

    Returns:
        What index.json holds.

    Raises:
        FileExistsError: the folder exists and shall not be replaced, or is no index.
        ImportError: usearch is asked for and not installed.
        ValueError: no row has a wordpiece, or an unfinished run with other settings is in the way.
    """
    check_target(settings)
    encoder = ChunkEncoder(bert, settings.encoder, settings.batch_size)
    maker = ChunkMaker(bert.tokenizer, settings.encoder.max_seq_length, settings.wordpieces_between)
    described = {
        "model_sha256": model_digest(bert),
        "checkpoint": os.path.abspath(checkpoint) if os.path.exists(checkpoint) else checkpoint,
        **dataclasses.asdict(settings.encoder),
        "stride": settings.wordpieces_between,
        "store_text": settings.store_text,
        "input_sha256": file_sha256(settings.source.path),
    }
    source = {f"input_{name}": v for name, v in dataclasses.asdict(settings.source).items()}
    fingerprint = {**described, **source, "batch_size": settings.batch_size}
    for name in ("checkpoint", "input_path"):
        del fingerprint[name]
    with PartsFolder(settings.folder.rstrip(os.sep), fingerprint, restart) as parts:
        blocks = make_blocks(
            itertools.islice(rows, parts.rows_done, None),
            lambda place, row: maker.chunks(place, row.text),
            BLOCK_TOKENS,
            parts.rows_done,
        )
        with (
            tqdm(initial=parts.rows_done, unit="note", disable=None, desc="index") as progress,
            contextlib.closing(ahead(blocks)) as blocks_ahead,
        ):
            for block in blocks_ahead:
                _write_block(parts, block, encoder, settings.store_text)
                progress.update(len(block.rows))
        content = _write_folder(settings, parts, encoder.size, described)
        parts.remove()
    return content


def check_target(settings: IndexSettings) -> None:
    """Refuses a folder that would be lost.

    Raises:
        FileExistsError: it holds an index and `overwrite` is not set, or something else.
        ImportError: usearch is asked for and not installed.
    """
    folder = settings.folder
    if settings.engine == "usearch":
        approximate.require()
    if not os.path.lexists(folder) or (os.path.isdir(folder) and not os.listdir(folder)):
        return
    if not os.path.exists(os.path.join(folder, INDEX_NAME)):
        raise FileExistsError(
            f"Expected --index_dir to be new or an index, received {folder}, which holds something "
            "else. Name another folder."
        )
    if not settings.overwrite:
        raise FileExistsError(
            f"Expected --index_dir to be new, received {folder} with an index. Name another "
            "folder, or --overwrite to replace it."
        )


def _write_block(parts: PartsFolder, block: Block, encoder: ChunkEncoder, store_text: bool) -> None:
    vectors = encoder.encode(block.sequences)
    parts.add(
        len(block.rows),
        lambda file: write_part(file, block.rows, block.sequences, vectors, store_text),
    )


def _write_folder(settings: IndexSettings, parts: PartsFolder, size: int, described: dict) -> dict:
    """Writes the folder under a temporary name, then puts it in place."""
    folder = os.path.abspath(settings.folder)
    temporary = temporary_name(folder)
    make_private_folder(temporary)
    try:
        content = write_index(
            temporary,
            parts.paths(),
            size,
            settings.store_text,
            described,
            None if settings.engine == "exact" else _approximate_builder(settings.engine),
        )
        if not content["notes"]:
            raise ValueError(
                f"Expected a note with a word in {settings.source.path}, received "
                f"{content['empty_notes']} without. Check --input_file and --input_format."
            )
        replaced = temporary_name(folder)
        if os.path.isdir(folder):
            os.rename(folder, replaced)
        os.rename(temporary, folder)
        shutil.rmtree(replaced, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return content


def _approximate_builder(engine: str):
    """Builds the approximate index if it is asked for, or pays and can be."""

    def build(vectors, path: str) -> None:
        wanted = len(vectors) > MOST_EXACT and approximate.is_installed()
        if engine == "usearch" or wanted:
            approximate.build(vectors, path)

    return build
