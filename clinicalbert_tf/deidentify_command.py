"""The steps behind `python -m clinicalbert_tf.deidentify`: flags to library calls."""

import os
import secrets

from absl import flags

from clinicalbert_tf.flags import define_table

# --help of the command lists the flags that are defined here for it.
flags.disclaim_key_flags()
_STRING, _BOOL, _INTEGER = flags.DEFINE_string, flags.DEFINE_bool, flags.DEFINE_integer
# (kind, name, default, help, further arguments)
_FLAGS = (
    (_STRING, "input", None, "Notes: .jsonl or .csv with a header, plain or .gz."),
    (_STRING, "output", None, "Where the clean notes go (0600), in the same format."),
    (_STRING, "model", None, "Run folder of a model for entities; none: the rules alone."),
    (flags.DEFINE_enum, "style", "placeholder", """What stands instead: [**TYPE**], an invented
        value of the same form, or asterisks.""",
        {"enum_values": ["placeholder", "surrogate", "asterisks"]}),
    (_STRING, "secret_file", None, """Key of the surrogates, made (0600) if it is not there.
        With one file every run invents the same values."""),
    (_STRING, "key_file", None, "Writes the removed text here (0600), for --reidentify."),
    (_STRING, "reidentify", None, "Key file: puts the removed text back into --input."),
    (flags.DEFINE_float, "recall", None, """Chooses how sure the model must be, by type, for this
        recall on --dev_file, and keeps it with the model for later runs."""),
    (_STRING, "dev_file", None, """JSON lines with "text" and "spans" (start, end, label)."""),
    (_BOOL, "rules", True, "Uses the rules beside the model."),
    (_STRING, "text_key", None, "Key or column of the text; default text or TEXT."),
    (_STRING, "note_id_key", None, "Of the note's id; default note_id, ROW_ID or id."),
    (_STRING, "patient_key", None, """Of the patient, whose dates move together; default
        patient_id or subject_id, else the note's id."""),
    (flags.DEFINE_list, "sections", [], """Kinds of section to clean, such as "assessment and
        plan,medications" (docs/notes.md); the rest of each note stays as it is. Default: the whole
        note."""),
    (_INTEGER, "processes", 1, "Worker processes.", {"lower_bound": 1}),
)  # fmt: skip


def define_flags(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags."""
    define_table(_FLAGS, flag_values)


def read_secret(path: str) -> bytes:
    """Returns the secret of a file, which is made with 32 random bytes if it is not there."""
    from tfrecords_builder.files import write_private

    if not os.path.exists(path):
        write_private(path, secrets.token_bytes(32))
        print(f"Made a new secret in {path}: keep it, or later runs invent other values.")
    with open(path, "rb") as file:
        return file.read()


def thresholds_of(values: flags.FlagValues) -> dict[str, float] | None:
    """Returns the model's thresholds: chosen now (--recall), or those kept with it."""
    from clinicalbert_tf.deidentification import operating_point

    if values.model is None:
        if values.recall is not None:
            raise ValueError("Expected --model for --recall, received none.")
        return None
    if values.recall is None:
        point = operating_point.load(values.model)
        return point and point["thresholds"]
    if values.dev_file is None:
        raise ValueError("Expected --dev_file for --recall, received none.")
    from clinicalbert_tf.deidentification.detector import load_detector
    from clinicalbert_tf.deidentification.rows import Keys, read_rows

    rows = read_rows(values.dev_file, Keys(values.text_key))
    notes = ((row.text, row.data.get("spans", ())) for row in rows)
    detector = load_detector(values.model, min_probability=0.0)
    point = operating_point.choose(notes, detector, values.recall)
    print(f"Wrote {operating_point.save(values.model, point)}: recall on dev by type:")
    print(f"  {point['dev_precision']:.4f} of what the model finds there is private data")
    for name, recall in point["dev_recall"].items():
        print(f"  {name:<20} {recall:.4f} of {point['dev_spans'][name]}")
    return point["thresholds"]


def keys_of(values: flags.FlagValues):
    """Returns the names of keys or columns that the flags give."""
    from clinicalbert_tf.deidentification.rows import Keys

    return Keys(values.text_key, values.note_id_key, values.patient_key)


def settings_of(values: flags.FlagValues):
    """Returns the flags as settings."""
    from clinicalbert_tf.deidentification.settings import Settings
    from clinicalbert_tf.texts.note_sections import section_kinds

    secret = b""
    if values.style == "surrogate":
        if values.secret_file is None:
            raise ValueError("Expected --secret_file for --style=surrogate, received none.")
        secret = read_secret(values.secret_file)
    return Settings(
        input=values.input,
        output=values.output,
        key_file=values.key_file,
        style=values.style,
        secret=secret,
        model=values.model,
        use_rules=values.rules,
        thresholds=thresholds_of(values),
        keys=keys_of(values),
        processes=values.processes,
        sections=section_kinds(values.sections),
    )


def put_back(values: flags.FlagValues) -> str:
    """Writes the notes with the text of a key file again; returns the closing line.

    Raises:
        FileExistsError: the output is there already.
        ValueError: the key file does not fit the notes.
    """
    from clinicalbert_tf.deidentification.key_file import reidentify

    if os.path.exists(values.output):
        raise FileExistsError(f"Expected no file at {values.output}: nothing is overwritten.")
    count = reidentify(values.input, values.reidentify, values.output, keys_of(values))
    return f"Wrote {count} notes with their private data to {values.output} (0600)."


def clean(values: flags.FlagValues) -> None:
    """Removes private data from the notes and prints counts.

    Raises:
        FileExistsError, FileNotFoundError, ValueError: a file or setting is wrong.
    """
    from tqdm import tqdm

    from clinicalbert_tf.deidentification.run import deidentify

    settings = settings_of(values)
    if settings.model is None:
        print("Rules alone (no --model): names are found only behind titles and in fields.")
    with tqdm(unit="note", disable=None) as progress:
        report = deidentify(settings, progress.update)
    print(f"{report['notes']} notes in, {report['notes']} out: {values.output}")
    for name, count in sorted(report["removed"].items()):
        print(f"  {name:<20} {count} removed")
    if report["left"]:
        why = "too short to be removed everywhere"
        if settings.sections:
            why += ", or outside of the sections"
        print(f"  {why}, seen again: {report['left']}")
    if settings.sections:
        print(f"Cleaned only: {', '.join(settings.sections)}. The rest of each note is as it was.")
        print(
            f"  {report['without_section']} notes have no such section and are as they were: "
            "without_section in the report by note id"
        )
    print(f"Report by note id: {values.output}.report.jsonl")


def show(values: flags.FlagValues) -> str:
    """Cleans invented letters; returns the closing lines."""
    from clinicalbert_tf import embedded_tools

    folder = embedded_tools.output_folder("deidentify")
    values.input = embedded_tools.private_notes_file(folder)
    values.output = os.path.join(folder, "clean.jsonl")
    clean(values)
    again = "python -m clinicalbert_tf.deidentify --input NOTES.jsonl --output CLEAN.jsonl"
    return f"Next:\n  compare {values.input} with {values.output}\n  {again}"
