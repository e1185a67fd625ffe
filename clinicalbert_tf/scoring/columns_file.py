"""Words with gold and predicted labels in columns: the form that conlleval reads."""

import re
from dataclasses import dataclass, field

from clinicalbert_tf.metrics.events import Event
from clinicalbert_tf.metrics.spans import entities, split_label
from clinicalbert_tf.scoring.lines import read_text_lines

_COLUMN = re.compile(r"[^ \t]+")


@dataclass
class Columns:
    """Sentences of a columns file: words, gold and predicted labels, each [sentences][tokens]."""

    words: list[list[str]] = field(default_factory=list)
    gold: list[list[str]] = field(default_factory=list)
    predicted: list[list[str]] = field(default_factory=list)


def read_columns(path: str) -> Columns:
    """Reads WORD ... GOLD PREDICTED lines with an empty line between sentences.

    The last two columns are the labels, the first one the word; spaces or tabs separate them.
    Several empty lines count as one; the last sentence needs none. -DOCSTART- lines are left out,
    as in conlleval's input.

    Args:
        path: UTF-8 file, plain or .gz; a byte order mark and CRLF are taken.

    Raises:
        ValueError: a line with fewer than three columns, or an unknown label; file and line are
            named, the line's text is not. Also if there is no token at all.
    """
    result = Columns()
    sentence: tuple[list[str], list[str], list[str]] = ([], [], [])
    for number, line in read_text_lines(path):
        # Spaces and tabs alone separate: a no-break space is a word of real notes.
        columns = _COLUMN.findall(line)
        if not columns or columns[0] == "-DOCSTART-":
            sentence = _close(result, sentence)
            continue
        if len(columns) < 3:
            raise ValueError(
                f"{path}:{number}: expected a word, a gold and a predicted label, received "
                f"{len(columns)} columns. Add the missing label."
            )
        for label in columns[-2:]:
            try:
                split_label(label)
            except ValueError as error:
                raise ValueError(f"{path}:{number}: {error}") from None
        for side, value in zip(sentence, (columns[0], *columns[-2:]), strict=True):
            side.append(value)
    _close(result, sentence)
    if not result.words:
        raise ValueError(f"Expected at least one token in {path}, received none.")
    return result


def events_of(columns: Columns) -> list[tuple[list[Event], list[Event]]]:
    """Returns all sentences as one document of i2b2 2012 events, one space between words."""
    sides: tuple[list[Event], list[Event]] = ([], [])
    offset = 0
    for words, *labels in zip(columns.words, columns.gold, columns.predicted, strict=True):
        starts = []
        for word in words:
            starts.append(offset)
            offset += len(word) + 1
        for side, of_side in zip(sides, labels, strict=True):
            for name, first, last in entities(of_side):
                end = starts[last - 1] + len(words[last - 1])
                side.append(Event(starts[first], end, " ".join(words[first:last]), name))
    return [sides]


def _close(result: Columns, sentence: tuple) -> tuple[list[str], list[str], list[str]]:
    if sentence[0]:
        result.words.append(sentence[0])
        result.gold.append(sentence[1])
        result.predicted.append(sentence[2])
        return ([], [], [])
    return sentence
