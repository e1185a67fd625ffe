"""From clinical notes to pretraining records.

The way of a note, one module a step:

    notes -> sections -> sentences -> tokenization -> instances (+ masking) -> records

`documents` streams notes or sentence files in batches, `cutting` and `document_encoder` turn them
into wordpieces. `schema` holds what the steps hand to each other and to the trainer. `pipeline`
runs the steps on many processes; `python -m tfrecords_builder` is its command.
`create_pretraining_data` is the reference script with the reference's records, `format_notes`
writes its sentence files, `synthetic` invents notes, `vocabulary` learns a WordPiece vocabulary
from notes, `inspect` looks into records.

What stands behind them: `sources` (where notes lie), `duplicates`, `wordpieces`, `storage`
(bytes on disk), `running` (processes, progress, accounting), `inspection`, `invention`.
"""

__version__ = "0.1.0"
