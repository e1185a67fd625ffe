"""What a model looks at: a page of all layers and heads, a picture of one, and attributions.

    python -m clinicalbert_tf.attention_map --model RUN_OR_CHECKPOINT --text "Denies chest pain."
    python -m clinicalbert_tf.attention_map --model RUN --input notes.jsonl --id 17 --attributions

It writes attention.html and attention.png, and with --attributions attributions.html and
attributions.json. They hold the text, because you asked to see it; only you can read them.
Without a text an example is mapped.
"""

from absl import flags

from clinicalbert_tf.attention_map_command import (
    define_map_flags,
    load,
    read_text,
    show,
    write_files,
)
from clinicalbert_tf.tool_command import refuse_arguments, run_tool
from tfrecords_builder import command_line


def work() -> str:
    """Reads the text, loads the model and writes the files; returns what is to be printed.

    Raises:
        FileNotFoundError, ImportError, ValueError: a flag, a file or the model is wrong.
    """
    if flags.FLAGS.text is None and flags.FLAGS.input is None:
        return show(flags.FLAGS)
    text, name = read_text(flags.FLAGS)
    return write_files(load(flags.FLAGS), text, name, flags.FLAGS)


def main(argv: list[str]) -> None:
    """Runs the command; an error that a user can mend is one message and exit status 1."""
    refuse_arguments("attention_map", argv)
    run_tool("attention_map", work)


if __name__ == "__main__":
    define_map_flags()
    command_line.run(main)
