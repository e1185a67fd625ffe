"""The reference script's command: sentence files to its very records.

    python -m tfrecords_builder.create_pretraining_data \\
        --input_file="notes/*.txt" --output_file=records.tfrecord --vocab_file=vocab.txt \\
        --do_lower_case=False

For a large corpus use `python -m tfrecords_builder`, which is faster and streams.
"""

import dataclasses
import os
import random
import sys
from typing import Any

from absl import app, flags, logging

from tfrecords_builder import command_line


@dataclasses.dataclass(frozen=True)
class ReferenceSettings:
    """The reference script's flags; see `define_flags` for their meaning."""

    input_file: str
    output_file: str
    vocab_file: str
    do_lower_case: bool = True
    do_whole_word_mask: bool = False
    max_seq_length: int = 128
    max_predictions_per_seq: int = 20
    random_seed: int = 12345
    dupe_factor: int = 10
    masked_lm_prob: float = 0.15
    short_seq_prob: float = 0.1


def define_flags(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags, with the reference's names and defaults."""
    common = {"flag_values": flag_values}
    flags.DEFINE_string(
        "input_file",
        None,
        "Sentence files: a sentence a line, a blank line between documents. "
        "Comma-separated paths and globs.",
        required=True,
        **common,
    )
    flags.DEFINE_string(
        "output_file",
        None,
        "TFRecord files, comma-separated; instances go to them in turn. Replaced when complete.",
        required=True,
        **common,
    )
    flags.DEFINE_string(
        "vocab_file", None, "The vocabulary, a wordpiece a line.", required=True, **common
    )
    flags.DEFINE_bool(
        "do_lower_case",
        True,
        "Lower-case the text: True for uncased vocabularies, False for cased ones.",
        **common,
    )
    flags.DEFINE_bool(
        "do_whole_word_mask", False, "Mask all wordpieces of a word together.", **common
    )
    flags.DEFINE_integer("max_seq_length", 128, "Tokens an instance.", lower_bound=5, **common)
    flags.DEFINE_integer(
        "max_predictions_per_seq",
        20,
        "Masked tokens per instance at most; pretraining needs the same number.",
        lower_bound=1,
        **common,
    )
    flags.DEFINE_integer("random_seed", 12345, "Seed of every random choice.", **common)
    flags.DEFINE_integer(
        "dupe_factor", 10, "Passes over the input, each masked again.", lower_bound=1, **common
    )
    flags.DEFINE_float(
        "masked_lm_prob", 0.15, "Share of tokens to mask, a fraction.", 0.0, 1.0, **common
    )
    flags.DEFINE_float(
        "short_seq_prob",
        0.1,
        "Share of documents cut into shorter instances, a fraction.",
        0.0,
        1.0,
        **common,
    )


def settings_from_flags(flag_values: flags.FlagValues = flags.FLAGS) -> ReferenceSettings:
    """The flags as settings."""
    names = [field.name for field in dataclasses.fields(ReferenceSettings)]
    return ReferenceSettings(**{name: getattr(flag_values, name) for name in names})


def create_pretraining_data(settings: ReferenceSettings) -> int:
    """Writes the reference's records.

    Returns:
        The number of instances.

    Raises:
        FileNotFoundError: an input, the vocabulary or an output's folder does not exist.
        ValueError: the input holds no document, or the vocabulary is not a vocabulary.
    """
    from tfrecords_builder import tokenization
    from tfrecords_builder.notes.sources import input_files

    paths = input_files.find(input_files.split(settings.input_file))
    outputs = input_files.split(settings.output_file)
    for output in outputs:
        if not os.path.isdir(os.path.dirname(output) or "."):
            raise FileNotFoundError(
                f"Expected a folder for --output_file={output}, received a path without one. "
                "Create the folder first."
            )
    tokenizer = tokenization.BertTokenizer(settings.vocab_file, settings.do_lower_case)
    total = _write(settings, paths, outputs, tokenizer)
    if not total:
        raise ValueError(
            f"Expected sentences in {', '.join(paths)}, received only blank lines. "
            "Check --input_file."
        )
    return total


def _write(
    settings: ReferenceSettings, paths: list[str], outputs: list[str], tokenizer: Any
) -> int:
    """Draws the instances and writes their records; returns their number."""
    from tfrecords_builder.building import records
    from tfrecords_builder.pairing import exact_pairing, masking

    pool = exact_pairing.read_pool(paths, tokenizer)
    if not pool.own:
        return 0
    made, order = exact_pairing.draw_instances(
        pool,
        max_seq_length=settings.max_seq_length,
        dupe_factor=settings.dupe_factor,
        short_seq_prob=settings.short_seq_prob,
        masked_lm_prob=settings.masked_lm_prob,
        max_predictions_per_seq=settings.max_predictions_per_seq,
        vocab_size=tokenizer.vocab_size,
        rng=random.Random(settings.random_seed),
        starts_word=tokenizer.starts_word if settings.do_whole_word_mask else None,
    )
    features = records.record_features(
        settings.max_seq_length, settings.max_predictions_per_seq, tokenizer.vocab_size
    )
    special_ids = masking.SpecialIds.of(tokenizer)
    for i, path in enumerate(outputs):
        with records.RecordWriter(path, features) as writer:
            # As in the reference the i-th instance goes to file i modulo files.
            for block in made.blocks(
                order[i :: len(outputs)],
                settings.max_seq_length,
                settings.max_predictions_per_seq,
                special_ids,
            ):
                writer.write(block)
    return len(made)


def main(argv: list[str]) -> None:
    """Runs the command."""
    if len(argv) > 1:
        raise app.UsageError(f"Expected only flags, received {argv[1]!r}.")
    settings = settings_from_flags()
    logging.use_absl_handler()
    logging.set_verbosity(logging.INFO)
    try:
        total = create_pretraining_data(settings)
    except (OSError, ValueError) as error:
        sys.exit(f"Error: {error}")
    # Not into the log: its prefix would be in the way when the command is copied.
    print(f"Wrote {total} instances to {settings.output_file}.\nNext: {_next_command(settings)}")


def _next_command(settings: ReferenceSettings) -> str:
    from tfrecords_builder.building.running import report

    # No manifest beside the reference's records says any of this.
    return report.next_command(
        settings.output_file,
        f"--vocab_file={settings.vocab_file}",
        f"--max_seq_length={settings.max_seq_length}",
        f"--max_predictions_per_seq={settings.max_predictions_per_seq}",
    )


def run() -> None:
    """Parses the flags and runs `main`; an expected error becomes one line and status 1."""
    define_flags()
    command_line.run(main)


if __name__ == "__main__":
    run()
