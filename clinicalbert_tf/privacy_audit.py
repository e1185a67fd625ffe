"""Measures what a pretrained model gives away of the notes that it was trained on.

    python -m clinicalbert_tf.privacy_audit --model M --notes F --others G
    python -m clinicalbert_tf.privacy_audit --model M --canaries records/canaries.json --before B

--notes are notes that were trained on, --others notes like them that were not: does the loss tell
them apart (membership inference)? --canaries are planted secrets, the canaries.json of
`tfrecords_builder --canaries` or one JSON object per line with id, text and secret: how far up does
the model rank them among others of their form (exposure)? --before is the model before training:
what it shows cannot come from these notes. No text is printed.
"""

import json
import os
import sys
from typing import Any

from absl import flags

from tfrecords_builder import command_line

FLAGS = flags.FLAGS
_WITHOUT_OTHERS = "needs --others: notes like --notes that were not trained on"


def define_flags() -> None:
    """Defines the flags."""
    flags.DEFINE_string("model", None, "The model: anything that from_pretrained takes.")
    flags.DEFINE_string("before", None, "The model before training, for comparison.")
    flags.DEFINE_string("notes", None, "Notes that were trained on: NOTEEVENTS, CSV, JSON lines.")
    flags.DEFINE_string("others", None, "Notes like them that were not trained on.")
    flags.DEFINE_string("canaries", None, "Planted secrets: JSON lines of id, text and secret.")
    flags.DEFINE_integer(
        "candidates", 255, "Other secrets that each canary is ranked among.", lower_bound=1
    )
    flags.DEFINE_integer(
        "sample_tokens", 64, "Wordpieces scored per note; 0 for all.", lower_bound=0
    )
    flags.DEFINE_integer("max_seq_length", 128, "Tokens per window.", lower_bound=4)
    flags.DEFINE_integer("random_seed", 12345, "Seed of the draws.", lower_bound=0)
    flags.DEFINE_bool("json", False, "Print the results as JSON.")


def audit() -> dict[str, Any]:
    """The results that the flags ask for, for "model" and "before".

    Returns:
        {"model": {"membership", "canaries", "controls"}, "before": ...}, those asked for.

    Raises:
        FileNotFoundError, ValueError: flags are missing, or a file or model cannot be read.
    """
    from clinicalbert_tf.inference.loading import ModelSource, load_model
    from clinicalbert_tf.inference.privacy.audit import Auditor, AuditSettings
    from clinicalbert_tf.inference.privacy.canaries import read_canaries

    if not FLAGS.model or not (FLAGS.notes or FLAGS.canaries):
        raise ValueError(
            "Expected --model, and --notes or --canaries, received less. Say what the model was "
            "trained on."
        )
    canaries = read_canaries(FLAGS.canaries) if FLAGS.canaries else None
    settings = AuditSettings(
        FLAGS.max_seq_length, FLAGS.sample_tokens, FLAGS.candidates, FLAGS.random_seed
    )
    found = {}
    for name, path in (("model", FLAGS.model), ("before", FLAGS.before)):
        if path is None:
            continue
        auditor = Auditor(load_model(ModelSource(path), require_masked_lm=True), settings)
        found[name] = {}
        if FLAGS.notes and not FLAGS.others:
            found[name] |= {"membership": None, "reasons": {"membership": _WITHOUT_OTHERS}}
        elif FLAGS.notes:
            found[name]["membership"] = auditor.membership(*map(_rows, (FLAGS.notes, FLAGS.others)))
        if canaries:
            for kind, planted in (("canaries", True), ("controls", False)):
                chosen = [canary for canary in canaries if canary.planted == planted]
                if chosen:
                    found[name][kind] = auditor.canaries(chosen)
    return found


def _rows(path: str):
    from clinicalbert_tf.texts.rows import RowSource, read_rows
    from tfrecords_builder.notes.reading import read_notes

    return read_rows(RowSource(path), read_notes)


def say(found: dict[str, Any]) -> None:
    """Prints the results in words, with what they do and do not show."""
    for name, results in found.items():
        print("The model:" if name == "model" else "The model before training:")
        for measure, reason in results.get("reasons", {}).items():
            print(f"  {measure}: not measured, {reason}")
        if results.get("membership"):
            result = results["membership"]
            low, high = result["interval_95"]
            print(
                f"  membership: AUROC {result['auroc']:.3f} ({low:.3f} to {high:.3f}); 0.5 tells "
                f"{result['members']} trained notes from {result['others']} others by chance."
            )
        for kind in ("canaries", "controls"):
            if kind in results:
                result = results[kind]
                print(
                    f"  {kind}: mean exposure {result['mean_exposure']:.2f} bits, greatest "
                    f"{result['max_exposure']:.2f} of {result['most_possible']:.2f}; about 1.4 is "
                    "chance."
                )
    print(
        "An attack that fails here is no proof that none succeeds: other attacks, and attackers "
        "who know more, are not tried. Differential privacy bounds them all (docs/privacy.md)."
    )


def main(argv: list[str]) -> None:
    """Runs the command; an error that a user can mend is one message and exit status 1."""
    if len(argv) > 1:
        sys.exit(f"privacy_audit: expected flags only, received {len(argv) - 1} other arguments.")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        found = audit()
    except (ValueError, OSError) as error:
        sys.exit(f"privacy_audit: {error}")
    if FLAGS.json:
        print(json.dumps(found, indent=2))
    else:
        say(found)


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
