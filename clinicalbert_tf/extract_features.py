"""Vectors of texts from a BERT checkpoint: of every wordpiece, of sentences, of whole notes.

    python -m clinicalbert_tf.extract_features --input_file=sentences.txt \\
        --output_file=features.jsonl --init_checkpoint=CHECKPOINT
    python -m clinicalbert_tf.extract_features --input_file=NOTEEVENTS.csv.gz \\
        --output_file=notes.parquet --init_checkpoint=CHECKPOINT --pooling=mean

The first form has the reference's flags and output: JSON lines with every wordpiece and its
vectors. That output holds the text's own wordpieces: keep it like the notes themselves. The second
writes one vector per line, note or sentence. Both resume by themselves after being killed. Without
any flag the vectors of invented notes are written.
"""

from absl import flags

from clinicalbert_tf.extract_features_command import (
    define_extraction_flags,
    extract_features,
    show,
)
from clinicalbert_tf.tool_command import one_core_per_batch, refuse_arguments, run_tool
from tfrecords_builder import command_line


def main(argv: list[str]) -> None:
    """Runs the command; an error that a user can mend is one message and exit status 1."""
    refuse_arguments("extract_features", argv)
    one_core_per_batch()
    values = flags.FLAGS
    given = values.input_file or values.output_file or values.init_checkpoint
    run_tool("extract_features", lambda: (extract_features if given else show)(values))


if __name__ == "__main__":
    define_extraction_flags()
    command_line.run(main)
