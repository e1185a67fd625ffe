"""Finds the notes that say something, by the meaning of their chunks.

    python -m clinicalbert_tf.search index --input_file=notes.csv --index_dir=notes.index \\
        --init_checkpoint=CHECKPOINT
    python -m clinicalbert_tf.search query "short of breath at night" --index_dir=notes.index -k 5

`index` resumes by itself after being killed; the folder is there only when it is complete. `query`
prints a line per chunk: cosine, note id, first character and end in the note's text. The index
holds vectors and identifiers, and text only with --store_text: keep it like the notes themselves.

--k, --patient, --category and --per_note are for `query`; --index_dir, --json and the model for
both; all others for `index`. Without anything, invented notes are indexed and asked.
"""

from absl import flags

from clinicalbert_tf.search_command import define_search_flags, index, query, show
from clinicalbert_tf.tool_command import one_core_per_batch, run_tool
from tfrecords_builder import command_line


def work(arguments: list[str], values: flags.FlagValues) -> str:
    """Makes or asks an index; returns what is to be printed.

    Raises:
        FileExistsError, FileNotFoundError, ImportError, ValueError: a flag or file is wrong.
    """
    if not arguments:
        return show(values)
    if arguments == ["index"]:
        return index(values)
    if arguments[:1] == ["query"] and len(arguments) == 2:
        return query(arguments[1], values)
    # What is asked for may be a patient's: it is counted, not shown.
    raise ValueError(
        "Expected `index` without more, or `query` and one text, received "
        f"{len(arguments)} arguments. See --help."
    )


def main(argv: list[str]) -> None:
    """Runs a command; an error that a user can mend is one message and exit status 1."""
    one_core_per_batch()
    run_tool("search", lambda: work(argv[1:], flags.FLAGS))


if __name__ == "__main__":
    define_search_flags()
    command_line.run(main)
