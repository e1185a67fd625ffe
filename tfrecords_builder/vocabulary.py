"""Learns a WordPiece vocabulary from notes, or fills the free rows of an existing one.

    python -m tfrecords_builder.vocabulary --input NOTEEVENTS.csv.gz --size 28996 --output vocab.txt
    python -m tfrecords_builder.vocabulary --input NOTEEVENTS.csv.gz --extend vocab.txt --add 99 \\
        --output extended_vocab.txt

A vocabulary learned from notes holds words of the notes. Only words found in at least `min_count`
notes get in, so that a name or number of few notes does not; treat the file as protected anyway.

Source: BERT (Devlin et al. 2018), section 3, for the form of the vocabulary; the pieces are
merged by frequency, as Hugging Face `tokenizers` trains WordPiece.
"""

import dataclasses
import os
import shlex
import sys
from collections.abc import Iterable, Iterator

from absl import app, flags

from tfrecords_builder import command_line
from tfrecords_builder.files import open_private
from tfrecords_builder.notes.sources import file_kinds, input_files, sentence_files
from tfrecords_builder.text.wordpieces.vocabulary_extension import extend_vocabulary, lower_case_of
from tfrecords_builder.text.wordpieces.vocabulary_learning import learn_vocabulary
from tfrecords_builder.text.wordpieces.word_counts import DEFAULT_MAX_WORDS, DEFAULT_MIN_COUNT

EMBEDDED_NOTES = 500
EMBEDDED_SEED = 7


def write_vocabulary(path: str, tokens: list[str]) -> None:
    """Writes a vocabulary, a wordpiece a line: whole or not at all, readable by its owner only.

    Args:
        path: the file.
        tokens: the rows; "" is a row without a wordpiece.

    Raises:
        ValueError: two rows are equal, the last is blank, or a row would not be read back as it is.
    """
    seen: dict[str, int] = {}
    for line, token in enumerate(tokens, start=1):
        if token in seen:
            raise ValueError(
                f"{path}: expected different wordpieces, received line {line} equal to line "
                f"{seen[token]}. Drop one of the two."
            )
        if token != token.strip() or "\n" in token:
            raise ValueError(
                f"{path}: expected wordpieces without white space around them or line feeds, "
                f"received another in line {line}. Strip it."
            )
        if token:
            seen[token] = line
    if not tokens or not tokens[-1]:
        raise ValueError(
            f"{path}: expected a wordpiece in the last row, received none. Drop the blank rows."
        )
    with open_private(path) as file:
        file.write("".join(f"{token}\n" for token in tokens).encode("utf-8"))


@dataclasses.dataclass(frozen=True)
class VocabularySettings:
    """The command's flags; see `define_flags` for their meaning."""

    input: tuple[str, ...]
    output: str
    size: int
    do_lower_case: bool | None
    extend: str | None
    add: int | None
    min_count: int
    max_words: int
    overwrite: bool
    text_files: str = "auto"


def define_flags(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the command's flags."""
    common = {"flag_values": flag_values}
    flags.DEFINE_multi_string(
        "input",
        [],
        "Sources of notes as for `python -m tfrecords_builder`, or sentence files (.txt: a blank "
        "line between notes): paths and globs with commas between, several times if you like; a "
        "database, URL#QUERY, in an --input of its own. Without it: the embedded "
        f"default, {EMBEDDED_NOTES} invented notes.",
        **common,
    )
    flags.DEFINE_string("output", "vocab.txt", "The vocabulary to write (mode 0600).", **common)
    flags.DEFINE_integer("size", 28996, "Rows to learn, without --extend.", lower_bound=6, **common)
    flags.DEFINE_bool(
        "do_lower_case",
        None,
        "Lower-case and strip accents. Default: False; with --extend what the vocabulary shows.",
        **common,
    )
    flags.DEFINE_string(
        "extend", None, "Fill the [unused] rows of this vocabulary; no id moves.", **common
    )
    flags.DEFINE_integer(
        "add", None, "With --extend: words to add. Default: all [unused] rows.", 1, **common
    )
    flags.DEFINE_integer(
        "min_count",
        DEFAULT_MIN_COUNT,
        "Notes that must hold a word before anything is learned from it. A vocabulary holds words "
        "of patients' notes: do not lower this for notes of few patients, and keep the file as "
        "safe as the notes.",
        lower_bound=1,
        **common,
    )
    flags.DEFINE_integer(
        "max_words",
        DEFAULT_MAX_WORDS,
        "Different words counted at a time; about 150 bytes each.",
        lower_bound=1000,
        **common,
    )
    flags.DEFINE_bool("overwrite", False, "Replace an existing --output.", **common)
    flags.DEFINE_enum(
        "text_files",
        "auto",
        file_kinds.TEXT_FILES,
        "What .txt files are: sentences (an empty line between notes), notes (one per file), or "
        "auto, told from their content.",
        **common,
    )


def settings_from_flags(flag_values: flags.FlagValues = flags.FLAGS) -> VocabularySettings:
    """The flags as settings.

    Raises:
        ValueError: a flag was given that the others leave without effect.
    """
    if flag_values.extend and flag_values["size"].present:
        raise ValueError(
            "Expected --size or --extend, received both: an extended vocabulary keeps its size. "
            "Drop --size; --add says how many words to add."
        )
    if flag_values.add is not None and not flag_values.extend:
        raise ValueError(
            f"Expected --extend with --add, received --add={flag_values.add} alone. Name the "
            "vocabulary to extend, or give --size to learn a new one."
        )
    names = [field.name for field in dataclasses.fields(VocabularySettings)]
    values = {name: getattr(flag_values, name) for name in names}
    sources = tuple(input_files.split_sources(values["input"]))
    return VocabularySettings(**{**values, "input": sources})


def read_texts(patterns: Iterable[str], text_files: str = "auto") -> Iterator[str]:
    """Streams the texts of sources of notes and of sentence files (.txt), a note each.

    Args:
        patterns: see `reading.read_notes`, and globs; none at all gives the embedded default,
            invented notes.
        text_files: what `.txt` files are read as; see `file_kinds.choose_text_files`.

    Raises:
        FileNotFoundError: a path or glob names no file.
        ImportError: a source needs an extra that is not installed; names it.
        ValueError: a file is not what its name says; names file and line, never the text.
    """
    from tfrecords_builder import synthetic
    from tfrecords_builder.notes import reading
    from tfrecords_builder.text import cleaning

    patterns = list(patterns)
    if not patterns:
        for row in synthetic.generate_notes(EMBEDDED_NOTES, EMBEDDED_SEED):
            yield row["TEXT"]
        return
    sources = input_files.find_sources(patterns)
    text_files = file_kinds.choose_text_files(sources, text_files)
    for path in sources:
        if sentence_files.is_sentence_file(path, text_files):
            for _, line, data in sentence_files.read_blocks(path):
                yield from map("\n".join, sentence_files.decode_documents(data, path, line))
        else:
            for note in reading.read_notes(path):
                yield cleaning.mark_placeholders(cleaning.with_line_feeds(note.text))


def casing_of(settings: VocabularySettings) -> bool:
    """Whether the text is lower-cased: as given, else as the vocabulary to extend, else not."""
    if settings.extend:
        return lower_case_of(settings.extend, settings.do_lower_case)
    return bool(settings.do_lower_case)


def make_vocabulary(settings: VocabularySettings) -> list[str]:
    """Learns or extends a vocabulary and writes it.

    Returns:
        The rows written.

    Raises:
        FileExistsError: the output exists and `overwrite` is not set.
        FileNotFoundError: an input or the vocabulary to extend does not exist.
        ValueError: see learn_vocabulary and extend_vocabulary.
    """
    from tqdm import tqdm

    if os.path.exists(settings.output) and not settings.overwrite:
        raise FileExistsError(
            f"Expected a new file for --output, received {settings.output}, which exists and may "
            "belong to a checkpoint. Choose another name or give --overwrite."
        )
    texts = tqdm(read_texts(settings.input, settings.text_files), unit=" notes", disable=None)
    limits = {"min_count": settings.min_count, "max_words": settings.max_words}
    do_lower_case = casing_of(settings)
    if settings.extend:
        rows = extend_vocabulary(settings.extend, texts, settings.add, do_lower_case, **limits)
    else:
        rows = learn_vocabulary(texts, settings.size, do_lower_case, **limits)
    write_vocabulary(settings.output, rows)
    return rows


def main(argv: list[str]) -> None:
    """Runs the command."""
    if len(argv) > 1:
        raise app.UsageError(f"Expected only flags, received {argv[1]!r}.")
    try:
        settings = settings_from_flags()
        if not settings.input:
            print(f"No --input: using the embedded default, {EMBEDDED_NOTES} invented notes.")
        rows = make_vocabulary(settings)
    except (OSError, ValueError, ImportError) as error:
        sys.exit(str(error))
    print(
        f"Wrote {len(rows)} wordpieces to {settings.output}. It holds words of the notes.\n"
        f"Next: python -m tfrecords_builder {input_flags(settings.input)}"
        f"--vocab_file {shlex.quote(settings.output)} --do_lower_case={casing_of(settings)} "
        "--output_dir records"
    )


def input_flags(sources: tuple[str, ...]) -> str:
    """The sources as flags of the next command, a blank behind each; a URL without its password.

    None give nothing: then the builder, too, invents its notes.
    """
    from tfrecords_builder.notes.reading import source_name

    return "".join(f"--input={shlex.quote(source_name(source))} " for source in sources)


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
