r"""Makes readmission data from MIMIC's tables: labels, texts, chunks, a split by patient.

    python -m clinicalbert_tf.datasets.readmission --admissions ADMISSIONS.csv.gz \
        --notes NOTEEVENTS.csv.gz --output_dir data

It writes data/admissions.csv, data/{discharge,early_2,early_3}/{train,dev,test}.jsonl,
data/excluded_subjects.txt and data/accounting.json, which counts what became of every admission
and every note. docs/readmission.md explains each rule.
"""

import itertools
import os
import sys
from collections.abc import Callable, Collection, Iterable

from absl import flags

from clinicalbert_tf.flags import define_table
from clinicalbert_tf.tool_command import refuse_arguments, run_tool
from tfrecords_builder import command_line

_BOOL, _FLOAT, _INTEGER = flags.DEFINE_bool, flags.DEFINE_float, flags.DEFINE_integer
_STRING, _LIST, _ENUM = flags.DEFINE_string, flags.DEFINE_list, flags.DEFINE_enum
# Texts of training patients that a vocabulary is learnt from, and its size.
_VOCABULARY_TEXTS, _VOCABULARY_ROWS = 2000, 8000
_HANDLING = {"enum_values": ["count", "merge", "drop"]}
_KEPT = {"enum_values": ["keep", "drop"]}

# (kind, name, default, help, further arguments)
_FLAGS = (
    (_STRING, "admissions", None, "ADMISSIONS.csv (MIMIC-III) or admissions.csv (MIMIC-IV); .gz.",
        {}),
    (_LIST, "notes", None, """NOTEEVENTS.csv, or MIMIC-IV-Note's discharge.csv (and radiology.csv);
        .gz; several with commas.""", {}),
    (_STRING, "patients", None, "PATIENTS.csv, which --min_age needs.", {}),
    (_STRING, "output_dir", None, "Folder of the data set.", {}),
    (_LIST, "sets", None, "Of discharge, early_2, early_3; default: all that the notes allow.", {}),
    (_FLOAT, "window_days", 30.0, "A return counts if it begins within these days.", {}),
    (_ENUM, "split", "patient", """patient: by patient, at the true prevalence; huang2019: labels,
        notes and split of the reference.""", {"enum_values": ["patient", "huang2019"]}),
    (_ENUM, "cleaning", "corrected", "How text is cleaned.",
        {"enum_values": ["corrected", "huang2019"]}),
    (_ENUM, "chunks", "wordpieces", """wordpieces: with stride, as long as --max_seq_length allows;
        words318: as the reference.""", {"enum_values": ["wordpieces", "words318"]}),
    (_STRING, "vocab_file", None, """The vocab.txt of the model to train, so that chunks fill its
        sequences; default: one learnt from the training patients' notes, written beside the
        data.""", {}),
    (_BOOL, "do_lower_case", None, """Whether to lower-case the text; default: as the vocabulary has
        it.""", {}),
    (_INTEGER, "max_seq_length", 512, "Tokens per chunk, [CLS] and [SEP] included.",
        {"lower_bound": 4}),
    (_INTEGER, "stride", None, """Wordpieces from one chunk's start to the next; default 3/4 of a
        chunk.""", {"lower_bound": 1}),
    (_ENUM, "overlaps", "count", """If the next admission begins before discharge: count keeps both
        and takes it for no return, merge makes one stay, drop leaves the first out.""", _HANDLING),
    (_ENUM, "transfers", "count", """The same for an arrival by transfer; count takes it for a
        return.""", _HANDLING),
    (_FLOAT, "transfer_hours", 24.0, "Longest time from discharge to a transfer's arrival.", {}),
    (_FLOAT, "min_age", None, "Years at admission; default: all ages.", {}),
    (_ENUM, "elective_index", "keep", "Elective admissions to predict for.", _KEPT),
    (_ENUM, "unknown_follow_up", "drop", "Admissions whose label nobody can know.", _KEPT),
    (_ENUM, "discharge_before_admission", "drop", "Admissions that end before they begin.", _KEPT),
    (_ENUM, "duplicate_admissions", "first", "Rows with a HADM_ID seen before.",
        {"enum_values": ["first", "drop"]}),
    (_ENUM, "early_stays", "full", """full: early sets hold stays of at least two or three days;
        all: shorter ones too, up to discharge.""", {"enum_values": ["full", "all"]}),
    (_LIST, "early_categories", [], """Kinds of note of the early sets; default: all but discharge
        summaries.""", {}),
    (_INTEGER, "summary_days", 7, """Days after discharge within which summaries and addenda may be
        dated; never after the next admission.""", {"lower_bound": 0}),
    (_FLOAT, "dev_fraction", 0.1, "Of the patients.", {}),
    (_FLOAT, "test_fraction", 0.1, "Of the patients.", {}),
    (_INTEGER, "seed", 1, "Of the split by patient.", {}),
)  # fmt: skip


def define_flags(
    flag_values: flags.FlagValues = flags.FLAGS, only: Collection[str] | None = None
) -> None:
    """Defines the flags, or some of them."""
    define_table((row for row in _FLAGS if only is None or row[1] in only), flag_values)


def settings_from_flags(
    values: flags.FlagValues = flags.FLAGS, only: Collection[str] | None = None
):
    """The flags as settings; those that are not defined have their defaults.

    Raises:
        ValueError: they do not fit each other.
    """
    from clinicalbert_tf.datasets.readmission.settings import ReadmissionSettings

    missing = [name for name in ("admissions", "notes", "output_dir") if not values[name].value]
    if missing:
        raise ValueError(
            f"Expected --admissions, --notes and --output_dir, received no --{' --'.join(missing)}."
            " Tables to try: python -m tfrecords_builder.synthetic --admissions."
        )
    names = [name for _, name, _, _, _ in _FLAGS if only is None or name in only]
    given = {name: values[name].value for name in names}
    for name in {"notes", "sets", "early_categories"} & set(names):
        given[name] = None if given[name] is None else tuple(filter(None, given[name]))
    return ReadmissionSettings(**given)


def resolve_casing(settings) -> bool:
    """Whether to lower-case: as said, or as the vocabulary has it; without one, yes."""
    from tfrecords_builder.vocabulary_rules import load_vocabulary, vocabulary_is_cased

    if settings.do_lower_case is not None:
        return settings.do_lower_case
    if settings.vocab_file is None:
        return True
    return not vocabulary_is_cased(load_vocabulary(settings.vocab_file))


class TokenizerMaker:
    """Makes the tokenizer that chunks are counted with."""

    def __init__(self, settings, lower_case: bool):
        self._settings, self._lower_case = settings, lower_case

    def __call__(self, texts: Iterable[str]):
        from tfrecords_builder import vocabulary
        from tfrecords_builder.tokenization import BertTokenizer

        path = self._settings.vocab_file
        if path is None:
            path = os.path.join(self._settings.output_dir, "vocab.txt")
            sample = list(itertools.islice(texts, _VOCABULARY_TEXTS))
            tokens = vocabulary.learn_vocabulary(sample, _VOCABULARY_ROWS, self._lower_case)
            vocabulary.write_vocabulary(path, tokens)
            print(
                f"No --vocab_file: learnt {len(tokens)} wordpieces from {len(sample)} texts of "
                f"training patients, written to {path}. Give the vocab.txt of the model that you "
                "will train, so that chunks fill its sequences.",
                file=sys.stderr,
            )
        return BertTokenizer(path, self._lower_case)


def summarize(accounting: dict, output_dir: str) -> str:
    """What a user should see at the end."""
    admissions = accounting["admissions"]
    lines = [
        f"admissions: {admissions['read']:,} read, {admissions['kept']:,} kept",
        *(f"  left out {n:,}: {reason}" for reason, n in admissions["left_out"].items()),
        f"notes: {accounting['notes']['read']:,} read",
        *(f"  {number:,}: {fate}" for fate, number in accounting["notes"]["by_fate"].items()),
    ]
    for name, sides in accounting["sets"].items():
        for side in ("train", "dev", "test"):
            counts = sides[side]
            prevalence = counts["prevalence"]
            lines.append(
                f"{name}/{side}: {counts['admissions']:,} admissions, {counts['chunks']:,} chunks, "
                f"{counts['patients']:,} patients, prevalence "
                f"{'unknown' if prevalence is None else f'{prevalence:.3f}'}"
            )
    if "early_refused" in accounting:
        lines.append(f"No early sets: {accounting['early_refused']}")
    lines += [
        f"Wrote {output_dir}; every count is in {os.path.join(output_dir, 'accounting.json')}.",
        f"Next: python -m clinicalbert_tf.run_readmission --data_dir {output_dir} "
        "--readmission_mode discharge --init_checkpoint CHECKPOINT --do_train --do_eval "
        "--do_predict --output_dir runs/readmission",
        "Pretraining records without the held-out patients: python -m tfrecords_builder "
        f"--exclude_subjects {os.path.join(output_dir, 'excluded_subjects.txt')} ...",
    ]
    return "\n".join(lines)


def build_with(settings, build: Callable[..., dict]) -> dict:
    """Makes the data with a tokenizer, a casing and a bar.

    Args:
        settings: of the data.
        build: takes what makes the tokenizer, the casing and what shows progress.

    Returns:
        The accounting.
    """
    from tqdm import tqdm

    lower_case = resolve_casing(settings)
    maker = TokenizerMaker(settings, lower_case)
    return build(maker, lower_case, lambda notes: tqdm(notes, unit=" notes", disable=None))


def work(values: flags.FlagValues) -> str:
    """Makes the data; returns the closing lines.

    Raises:
        FileNotFoundError, ValueError: a flag or a table is wrong.
    """
    from clinicalbert_tf.datasets.readmission.building import build

    settings = settings_from_flags(values)
    accounting = build_with(settings, lambda *steps: build(settings, *steps))
    return summarize(accounting, settings.output_dir)


def main(argv: list[str]) -> None:
    """Runs the command; an error that a user can mend is one message and exit status 1."""
    refuse_arguments("datasets.readmission", argv)
    os.umask(0o077)
    run_tool("datasets.readmission", lambda: work(flags.FLAGS))


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
