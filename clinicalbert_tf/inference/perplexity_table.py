"""Pseudo-perplexities as a table: a line per note and one of all, tab-separated, streaming."""

import contextlib
import io
import sys
from collections.abc import Iterable, Iterator
from typing import TextIO

from tqdm import tqdm

from clinicalbert_tf.inference.perplexity import PerplexityScorer, PerplexitySettings, Score
from clinicalbert_tf.texts.rows import Row
from tfrecords_builder.files import open_private

COLUMNS = ("note_id", "tokens", "scored_tokens", "log_likelihood", "pseudo_perplexity")


def settings_for(
    config, max_seq_length: int | None, batch_size: int, sample_tokens: int, seed: int
) -> PerplexitySettings:
    """Fills in what depends on the model.

    Args:
        config: the model's BertConfig.
        max_seq_length: tokens per window; None for 128, or the model's positions if fewer.
        batch_size: sequences of max_seq_length tokens per batch.
        sample_tokens, seed: as in PerplexitySettings.
    """
    length = max_seq_length or min(128, config.max_position_embeddings)
    return PerplexitySettings(
        max_seq_length=length,
        stride=max(1, (length - 2) // 2),
        batch_tokens=batch_size * length,
        sample_tokens=sample_tokens,
        seed=seed,
    )


def write_perplexities(
    rows: Iterable[Row], source: str, bert, settings: PerplexitySettings, path: str | None
) -> Score:
    """Writes a line for each note and one for all.

    Args:
        rows: the notes.
        source: the file that they are from, for messages.
        bert: what clinicalbert_tf.from_pretrained returned.
        settings: how to score.
        path: where the table goes (0600), there only when it is complete; None for stdout.

    Returns:
        The score of all notes together.

    Raises:
        ValueError: no note has a wordpiece.
    """
    scorer = PerplexityScorer(bert, settings)
    overall = Score("overall", 0, 0, 0.0)
    with (
        _output(path) as file,
        tqdm(unit="token", unit_scale=True, disable=None) as progress,
    ):
        file.write("\t".join(COLUMNS) + "\n")
        for score in scorer.score(rows, progress.update):
            overall += score
            file.write(_line(score))
        if not overall.scored_tokens:
            raise ValueError(
                f"Expected a wordpiece to score in {source}, received none. Check "
                "--perplexity and --input_format."
            )
        file.write(_line(overall))
    return overall


def _line(score: Score) -> str:
    # An id with a tab would move the columns.
    note_id = " ".join(score.note_id.split())
    return (
        f"{note_id}\t{score.tokens}\t{score.scored_tokens}\t{score.log_likelihood:.6f}\t"
        f"{score.pseudo_perplexity:.6f}\n"
    )


@contextlib.contextmanager
def _output(path: str | None) -> Iterator[TextIO]:
    if not path:
        yield sys.stdout
        return
    with open_private(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", write_through=True)
        yield text
        text.detach()
