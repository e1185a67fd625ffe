"""A file or folder of notes -> files of their entities, by the tagger of a run."""

from collections.abc import Callable, Iterable

from clinicalbert_tf.inference.entities.note_inputs import read_notes
from clinicalbert_tf.inference.entities.outputs import write_entities
from clinicalbert_tf.inference.entities.tagger import load_tagger, whole_notes


def label_notes(
    run: str,
    source: str,
    output: str,
    format_name: str,
    word_rule: str | None,
    read_noteevents: Callable[[str], Iterable],
) -> tuple[int, int]:
    """Labels notes; a labelling that was stopped resumes.

    Args:
        run: the folder of a trained tagger.
        source: notes: JSON lines, CSV or a folder.
        output: where the entities go: a file, or a folder.
        format_name: one of outputs.FORMATS.
        word_rule: how text is divided into words; None for the run's own rule.
        read_noteevents: reads NOTEEVENTS, for example tfrecords_builder.notes.reading.read_notes.

    Returns:
        (notes labelled, notes that were labelled before).

    Raises:
        FileNotFoundError: there are no notes, or no such run.
        ValueError: a note cannot be read, or the run is no tagger's.
    """
    notes = read_notes(source, read_noteevents)
    tagger = load_tagger(run, word_rule)
    return write_entities(
        notes, lambda texts: whole_notes(tagger.entities_of_notes(texts)), output, format_name
    )
