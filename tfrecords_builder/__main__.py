"""The whole stage's command: clinical notes to pretraining records.

    python -m tfrecords_builder --input=NOTEEVENTS.csv.gz --vocab_file=vocab.txt \\
        --output_dir=records

Without any flag it builds from invented notes into a new folder. A build that was killed resumes
when the same command is started again.
"""

import shlex
import sys
import time

from absl import app, flags, logging

from tfrecords_builder import command_line
from tfrecords_builder.building import settings

_AT_LEAST_0, _AT_LEAST_1, _AT_LEAST_2 = ({"lower_bound": bound} for bound in (0, 1, 2))
_FRACTION = {"lower_bound": 0.0, "upper_bound": 1.0}
# Kind, name, default, help, and what else absl is told. Defaults of None are found out; the help
# says how.
_TABLE = (
    ("multi_string", "input", [], """Sources of notes, files and globs with commas between, several
        times if you like: MIMIC-III's NOTEEVENTS.csv[.gz]; MIMIC-IV-Note's discharge.csv[.gz],
        radiology.csv[.gz]; any table with note_id and text, separated by commas, semicolons or
        tabs; .jsonl, an object with note_id and text per line; all of these packed or not (.gz,
        .bz2, .xz, .zst, .zip); .parquet; a folder of .txt files, a note each, or of .parquet files;
        a database, URL#QUERY or URL#FILE.sql, in an --input of its own, such as
        'postgresql:///mimic#SELECT note_id, text FROM discharge'; sentence files (.txt, a sentence
        a line, a blank line between documents). None: invented notes.""", {}),
    ("string", "output_dir", None, """The folder of records to make (default: a new one,
        runs/records-DATE-TIME).""", {}),
    ("string", "vocab_file", None, """The vocabulary, a wordpiece a line. Default: one learnt from
        the invented notes.""", {}),
    ("integer", "num_shards", 16, "Files of records.", _AT_LEAST_1),
    ("integer", "num_workers", 0, "Processes; 0: as many as cores.", _AT_LEAST_0),
    ("bool", "overwrite", False, """Replace the records in --output_dir. A build that was killed
        is resumed even so, if settings and inputs are the same.""", {}),
    ("bool", "do_lower_case", None, """Lower-case the text; by default as the vocabulary is; a
        value that contradicts it is an error.""", {}),
    ("bool", "do_whole_word_mask", False, "Mask all wordpieces of a word together.", {}),
    ("integer", "max_seq_length", 128, "Tokens an instance.", {"lower_bound": 5}),
    ("integer", "max_predictions_per_seq", 20, "Masked tokens per instance at most.", _AT_LEAST_1),
    ("integer", "random_seed", 12345, "Seed of every random choice.", _AT_LEAST_0),
    ("integer", "dupe_factor", None, """Passes over the documents, each masked again (default: 5; 1
        with --masking=dynamic).""", _AT_LEAST_1),
    ("float", "masked_lm_prob", 0.15, "Share of tokens to mask, a fraction.", _FRACTION),
    ("float", "short_seq_prob", 0.1, """Share of documents cut into shorter instances, a
        fraction.""", _FRACTION),
    ("enum", "sections", "corrected", "Rules that cut notes into sections.",
        {"enum_values": settings.SECTION_RULES}),
    ("string", "sentences", "rules", """What cuts sections into sentences. rules: rules for clinical
        notes, without a model. spacy:PIPELINE (extra `spacy`): an installed spaCy pipeline or a
        folder of one, with the two rules of the clinicalBERT scripts, which use scispaCy's
        en_core_sci_md. spacy:blank: spaCy's own rules for English and the same two;
        spacy:blank:de: for German, and so on. The rules know English and Chinese. huang2019 (extra
        `spacy`): the pretraining text of Huang et al. 2019, cleaned and without digits.""", {}),
    ("enum", "text_files", "auto", """What .txt files named by path or glob are. sentences: a
        sentence per line, an empty line between documents. notes: a note per file, as in a folder.
        auto: told from their content, and said.""", {"enum_values": settings.TEXT_FILES}),
    ("list", "categories", [], """Kinds of note to keep, commas between; all if none is named.
        Sentence files have none: refused for them.""", {}),
    ("string", "exclude_subjects", None, """A file of subject ids to leave out, one per line. Rows
        without a subject id are left out too and counted as unknown_subject; sources that carry
        no subject ids are refused. Default: none are left out.""", {}),
    ("string", "exclude_admissions", None, """A file of admission ids to leave out, one per line.
        Notes without hadm_id are kept; sources without hadm_id are refused. Default: none are left
        out.""", {}),
    ("enum", "deduplicate", "none", """Notes to leave out: exact: whose text came before, white
        space aside. minhash: also whose text is nearly that of an earlier note (text copied
        forward).""", {"enum_values": settings.DEDUPLICATIONS}),
    ("float", "deduplicate_threshold", 0.8, """Jaccard similarity of two notes' three-word shingles
        from which minhash takes the later for a copy, a fraction above 0.""", _FRACTION),
    ("integer", "deduplicate_memory_mb", 512, """Bound of what is remembered of earlier notes, MiB;
        when it is full the oldest are forgotten. 512 hold 2 million notes for minhash, 25 million
        for exact.""", _AT_LEAST_1),
    ("enum", "masking", "static", """static: masked here, --dupe_factor times over. dynamic:
        unmasked records, masked by the input pipeline again in each epoch.""",
        {"enum_values": settings.MASKINGS}),
    ("enum", "compression", "none", "Compression of the records.",
        {"enum_values": settings.COMPRESSIONS}),
    ("integer", "pool_documents", 16384, """Documents that are paired and shuffled at a time, of 2
        million tokens at most; bounds the memory.""", _AT_LEAST_2),
    ("integer", "canaries", 0, """Invented secrets to plant in invented notes, so that it can be
        measured what a model remembers; invented/canaries.json in --output_dir says which.""",
        _AT_LEAST_0),
    ("integer", "canary_repeats", 4, "Notes that hold each of the --canaries.", _AT_LEAST_1),
    ("integer", "synthetic_notes", 500, "Invented notes without --input.", _AT_LEAST_2),
    ("enum", "runner", "local", """local: processes of this machine. spark: Apache Spark (extra
        `spark`). beam: an Apache Beam pipeline (extra `beam`), for Dask (extra `dask`), Flink or
        Dataflow. The records are the same.""", {"enum_values": ("local", "spark", "beam")}),
    ("string", "beam_options", "", """Beam's own options in one string, for --runner=beam, such as
        "--runner=FlinkRunner --flink_master=host:8081". None: processes of this machine.""", {}),
    ("string", "spark_options", "", """Spark's properties in one string, for --runner=spark, such as
        "spark.master=spark://host:7077 spark.executor.memory=4g". None: what spark-submit says, or
        threads of this machine.""", {}),
)  # fmt: skip


def define_flags(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the command's flags; see `settings.BuilderSettings` for their meaning."""
    for kind, name, default, text, more in _TABLE:
        define = getattr(flags, f"DEFINE_{kind}")
        define(name, default, help=" ".join(text.split()), flag_values=flag_values, **more)


def main(argv: list[str]) -> None:
    """Builds the records and says what became of every note."""
    if len(argv) > 1:
        raise app.UsageError(f"Expected only flags, received {argv[1]!r}.")
    from tfrecords_builder.building.running import report
    from tfrecords_builder.notes.sources import input_files

    logging.use_absl_handler()
    logging.set_verbosity(logging.INFO)
    values = flags.FLAGS.flag_values_dict()
    try:
        names = settings.BuilderSettings.__dataclass_fields__.keys() & values.keys()
        given = {name: values[name] for name in names}
        given["input"] = tuple(input_files.split_sources(values["input"]))
        given["categories"] = tuple(values["categories"])
        given["output_dir"] = values["output_dir"] or time.strftime("runs/records-%Y%m%d-%H%M%S")
        chosen = settings.BuilderSettings(**given)
        manifest = _build(chosen, values)
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        sys.exit(
            f"Interrupted. Start it again with --output_dir={chosen.output_dir} to resume "
            "after the finished shards."
        )
    print(report.format_report(manifest, chosen.output_dir))


def _build(chosen: settings.BuilderSettings, values: dict):
    """Builds with the runner asked for; returns the manifest."""
    runner = values["runner"]
    options = {name: shlex.split(values[f"{name}_options"]) for name in ("beam", "spark")}
    for name, given in options.items():
        if given and name != runner:
            raise ValueError(
                f"Expected --runner={name} with --{name}_options, received --runner={runner}. Add "
                f"it or drop --{name}_options."
            )
    if runner == "beam":
        from tfrecords_builder import beam

        return beam.build_records(chosen, options["beam"])
    if runner == "spark":
        from tfrecords_builder import spark

        return spark.build_records(chosen, options["spark"])
    from tfrecords_builder.building import pipeline

    return pipeline.build_records(chosen)


def run() -> None:
    """Defines the flags and runs `main`."""
    define_flags()
    command_line.run(main)


if __name__ == "__main__":
    run()
