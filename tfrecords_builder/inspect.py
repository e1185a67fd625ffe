"""What pretraining records hold, and whether that is what their manifest says.

    python -m tfrecords_builder.inspect records --html=records.html

Prints counts only; --show_text shows protected text. Exit status 1 where records, manifest and
the format's rules disagree. Without an argument it builds and inspects records of invented notes.
"""

import contextlib
import dataclasses
import os
import sys
import tempfile
from collections.abc import Iterator

from absl import flags, logging

from tfrecords_builder import command_line

_EMBEDDED_NOTES = 200


@dataclasses.dataclass(frozen=True)
class InspectSettings:
    """The command's flags; see `define_flags` for their meaning."""

    records: tuple[str, ...]
    vocab_file: str | None = None
    show_text: bool = False
    show_count: int = 3
    html: str | None = None
    png: str | None = None
    num_workers: int = 0


def define_flags(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the command's flags."""
    common = {"flag_values": flag_values}
    flags.DEFINE_string(
        "vocab_file", None, "The vocabulary; by default the folder's vocab.txt.", **common
    )
    flags.DEFINE_bool(
        "show_text",
        False,
        "Print the first instances as text. PROTECTED TEXT if the notes are: off by default.",
        **common,
    )
    flags.DEFINE_integer(
        "show_count", 3, "Instances to print with --show_text.", lower_bound=1, **common
    )
    flags.DEFINE_string("html", None, "An HTML file to write the summary to.", **common)
    flags.DEFINE_string("png", None, "A PNG file to draw the summary into.", **common)
    flags.DEFINE_integer(
        "num_workers", 0, "Processes at most; 0: as many as cores.", lower_bound=0, **common
    )


@contextlib.contextmanager
def _given_or_embedded(paths: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The records given; without any, records of invented notes in a temporary folder."""
    if paths:
        yield paths
        return
    from tfrecords_builder.building import pipeline
    from tfrecords_builder.building.settings import BuilderSettings

    with tempfile.TemporaryDirectory() as folder:
        logging.info("No RECORDS given: building some from %d invented notes.", _EMBEDDED_NOTES)
        records = os.path.join(folder, "records")
        pipeline.build_records(
            BuilderSettings(output_dir=records, synthetic_notes=_EMBEDDED_NOTES, num_shards=2)
        )
        yield (records,)


def inspect(settings: InspectSettings) -> bool:
    """Inspects, prints and writes the summaries asked for.

    Returns:
        Whether everything agrees.

    Raises:
        OSError: records cannot be read or a summary cannot be written.
        ValueError: records, manifest or vocabulary cannot be parsed; or text is to be shown and
            there is no vocabulary.
        RuntimeError: matplotlib is missing.
    """
    from tfrecords_builder import files
    from tfrecords_builder.inspection import inspection, inspection_report

    with _given_or_embedded(settings.records) as paths:
        found = inspection.inspect_records(paths, settings.vocab_file, settings.num_workers)
        print(inspection_report.format_text(found))
        if settings.show_text:
            if found.vocabulary is None:
                raise ValueError(
                    "Expected a vocabulary to show text with, received none and no vocab.txt "
                    "beside the records. Give --vocab_file."
                )
            lines = inspection.instance_lines(
                inspection.find_files(paths), found.vocabulary, settings.show_count
            )
            print(*lines, sep="\n")
        title = f"Pretraining records: {', '.join(settings.records) or 'invented notes'}"
        outputs = {
            settings.html: lambda: inspection_report.page(found, title).encode(),
            settings.png: lambda: inspection_report.png(found),
        }
        for path, make in outputs.items():
            if path:
                files.write_private(path, make())
                logging.info("Wrote the summary to %s.", path)
    return not found.disagreements


def main(argv: list[str]) -> None:
    """Runs the command."""
    logging.use_absl_handler()
    logging.set_verbosity(logging.INFO)
    names = [field.name for field in dataclasses.fields(InspectSettings)][1:]
    values = {name: getattr(flags.FLAGS, name) for name in names}
    try:
        agrees = inspect(InspectSettings(records=tuple(argv[1:]), **values))
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(f"Error: {error}")
    sys.exit(0 if agrees else 1)


def run() -> None:
    """Defines the flags and runs `main`."""
    define_flags()
    command_line.run(main)


if __name__ == "__main__":
    run()
