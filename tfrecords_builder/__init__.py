"""From clinical notes to pretraining records.

The way of a note, one room per stage:

    notes -> text (sections, sentences, wordpieces) -> pairing (instances, masking) -> building

- notes: where notes come from, and which are left out.
- text: a note's text to sentences and wordpieces.
- pairing: documents to masked pairs of segments.
- building: the whole build, its processes and its files.
- inspection: what records hold. invention: what invented notes are made of.

`schema` holds what the stages hand to each other and to the trainer, `tokenization` BERT's
wordpieces, `files` private files and locks, `tfrecord_files` the framing of records.

Commands: `python -m tfrecords_builder` builds records; `beam` and `spark` are the
same on Apache Beam and Spark;
`create_pretraining_data` is the reference script with the reference's records, `format_notes`
writes its sentence files, `synthetic` invents notes, `vocabulary` learns a WordPiece vocabulary
from notes, `inspect` looks into records, `segment` divides notes into their sections.

    command_line       What every command of both packages does around its `main`: quiet start, ...
    exported_cells     Flags and ids as databases, pandas and spreadsheets export them
    first_import       Something to do when a heavy module is first imported, without ...
    html_page          The one HTML page and stylesheet of reports and inspections: a file that ...
    quiet_start        Starts TensorFlow, and sets up our own lines, without chatter on a ...
    tfrecord_checksum  Keeps `tfrecords_builder.tfrecord_checksum` importable; see `tfrecord_files`
    vocabulary_rules   The rules of vocabularies, the same for builder and trainer: rows, ...
"""

__version__ = "0.1.0"
