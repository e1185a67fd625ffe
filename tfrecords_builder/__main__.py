"""The whole stage's command: clinical notes to pretraining records.

    python -m tfrecords_builder --input=NOTEEVENTS.csv.gz --vocab_file=vocab.txt \\
        --output_dir=records

Without any flag it builds from invented notes into a new folder. A build that was killed goes on
when the same command is started again.
"""

import shlex
import sys
import time

from absl import app, flags, logging


def define_flags(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the command's flags; see `settings.BuilderSettings` for their meaning."""
    from tfrecords_builder.settings import COMPRESSIONS, DEDUPLICATIONS, MASKINGS, SECTION_RULES

    _define_file_flags(flag_values)
    _define_record_flags(flag_values)
    common = {"flag_values": flag_values}
    flags.DEFINE_enum(
        "sections", "corrected", SECTION_RULES, "Rules that cut notes into sections.", **common
    )
    flags.DEFINE_string(
        "sentences",
        "rules",
        "What cuts sections into sentences. rules: rules for clinical notes, without a model. "
        "spacy:PIPELINE (extra `spacy`): an installed spaCy pipeline or a folder of one, with the "
        "two rules of the clinicalBERT scripts, which use scispaCy's en_core_sci_md. spacy:blank: "
        "spaCy's own rules for English and the same two.",
        **common,
    )
    flags.DEFINE_list("categories", [], "Kinds of note to keep; all where none is named.", **common)
    flags.DEFINE_string(
        "exclude_subjects", None, "A file of subject ids to leave out, one a line.", **common
    )
    flags.DEFINE_string(
        "exclude_admissions", None, "A file of admission ids to leave out, one a line.", **common
    )
    flags.DEFINE_enum(
        "deduplicate",
        "none",
        DEDUPLICATIONS,
        "Notes to leave out: exact: whose text came before, but for white space. minhash: also "
        "whose text is nearly that of an earlier note (text copied forward).",
        **common,
    )
    flags.DEFINE_float(
        "deduplicate_threshold",
        0.8,
        "Jaccard similarity of two notes' three-word shingles from which minhash takes the later "
        "for a copy, a fraction.",
        0.0,
        1.0,
        **common,
    )
    flags.DEFINE_integer(
        "deduplicate_memory_mb",
        512,
        "Bound of what is remembered of earlier notes, MiB; when it is full the oldest are "
        "forgotten. 512 hold 2 million notes for minhash, 25 million for exact.",
        lower_bound=1,
        **common,
    )
    flags.DEFINE_enum(
        "masking",
        "static",
        MASKINGS,
        "static: masked here, --dupe_factor times over. dynamic: unmasked records, masked by the "
        "input pipeline anew in each epoch.",
        **common,
    )
    flags.DEFINE_enum("compression", "none", COMPRESSIONS, "Compression of the records.", **common)
    flags.DEFINE_integer(
        "pool_documents",
        16384,
        "Documents that are paired and shuffled at a time, of 2 million tokens at most; bounds "
        "the memory.",
        lower_bound=2,
        **common,
    )
    flags.DEFINE_integer(
        "synthetic_notes", 500, "Invented notes without --input.", lower_bound=2, **common
    )
    _define_runner_flags(flag_values)


def _define_runner_flags(flag_values: flags.FlagValues) -> None:
    common = {"flag_values": flag_values}
    flags.DEFINE_enum(
        "runner",
        "local",
        ("local", "beam"),
        "local: processes of this machine. beam: an Apache Beam pipeline (extra `beam`), for "
        "Spark, Flink or Dataflow, with the same records.",
        **common,
    )
    flags.DEFINE_string(
        "beam_options",
        "",
        "Beam's own options in one string, for --runner=beam, such as "
        '"--runner=FlinkRunner --flink_master=host:8081". None: processes of this machine.',
        **common,
    )


def _define_file_flags(flag_values: flags.FlagValues) -> None:
    common = {"flag_values": flag_values}
    flags.DEFINE_multi_string(
        "input",
        [],
        "Sources of notes, files and globs with commas between, several times if you like: "
        "MIMIC-III's NOTEEVENTS.csv[.gz]; MIMIC-IV-Note's discharge.csv[.gz], radiology.csv[.gz]; "
        "any CSV with note_id and text; .jsonl[.gz], an object with note_id and text a line; "
        ".parquet; a folder of .txt files, a note each, or of .parquet files; a database, "
        "URL#QUERY or URL#FILE.sql, in an --input of its own, such as "
        "'postgresql:///mimic#SELECT note_id, text FROM discharge'; sentence files (.txt, a "
        "sentence a line, a blank line between documents). None: invented notes.",
        **common,
    )
    flags.DEFINE_string(
        "output_dir",
        None,
        "The folder of records to make (default: a new one, runs/records-DATE-TIME).",
        **common,
    )
    flags.DEFINE_string(
        "vocab_file", None, "The vocabulary; learnt from the invented notes if none.", **common
    )
    flags.DEFINE_integer("num_shards", 16, "Files of records.", lower_bound=1, **common)
    flags.DEFINE_integer(
        "num_workers", 0, "Processes; 0: as many as cores.", lower_bound=0, **common
    )
    flags.DEFINE_bool("overwrite", False, "Replace the records in --output_dir.", **common)


def _define_record_flags(flag_values: flags.FlagValues) -> None:
    common = {"flag_values": flag_values}
    flags.DEFINE_bool(
        "do_lower_case",
        None,
        "Lower-case the text; by default as the vocabulary is. Other than it is an error.",
        **common,
    )
    flags.DEFINE_bool(
        "do_whole_word_mask", False, "Mask all wordpieces of a word together.", **common
    )
    flags.DEFINE_integer("max_seq_length", 128, "Tokens an instance.", lower_bound=5, **common)
    flags.DEFINE_integer(
        "max_predictions_per_seq", 20, "Masked tokens an instance at most.", lower_bound=1, **common
    )
    flags.DEFINE_integer("random_seed", 12345, "Seed of every random choice.", 0, **common)
    flags.DEFINE_integer(
        "dupe_factor",
        None,
        "Passes over the documents, each masked anew (default: 5; 1 with --masking=dynamic).",
        lower_bound=1,
        **common,
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


def main(argv: list[str]) -> None:
    """Builds the records and says what became of every note."""
    if len(argv) > 1:
        raise app.UsageError(f"Expected only flags, received {argv[1]!r}.")
    from tfrecords_builder.running import report
    from tfrecords_builder.settings import BuilderSettings
    from tfrecords_builder.sources import input_files

    logging.use_absl_handler()
    logging.set_verbosity(logging.INFO)
    values = flags.FLAGS.flag_values_dict()
    try:
        names = BuilderSettings.__dataclass_fields__.keys() & values.keys()
        given = {name: values[name] for name in names}
        given["input"] = tuple(input_files.split_sources(values["input"]))
        given["categories"] = tuple(values["categories"])
        given["output_dir"] = values["output_dir"] or time.strftime("runs/records-%Y%m%d-%H%M%S")
        settings = BuilderSettings(**given)
        manifest = _build(settings, values["runner"], shlex.split(values["beam_options"]))
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        sys.exit(
            f"Interrupted. Start it again with --output_dir={settings.output_dir} to go on from "
            "the finished shards."
        )
    print(report.format_report(manifest, settings.output_dir))


def _build(settings, runner: str, beam_options: list[str]):
    """Builds with the runner asked for; returns the manifest."""
    if runner == "beam":
        from tfrecords_builder import beam

        return beam.build_records(settings, beam_options)
    if beam_options:
        raise ValueError(
            f"Expected --runner=beam with --beam_options, received --runner={runner}. Add it or "
            "drop --beam_options."
        )
    from tfrecords_builder import pipeline

    return pipeline.build_records(settings)


def run() -> None:
    """Defines the flags and runs `main`."""
    define_flags()
    app.run(main)


if __name__ == "__main__":
    run()
