"""What a build says at its end: what became of every note, and what to run next."""

import shlex

from tfrecords_builder import schema
from tfrecords_builder.building import documents


def next_command(records: str, *flags: str) -> str:
    """The command that pretrains on records, with a placeholder and what to put there.

    Args:
        records: a folder of records, or files with commas between.
        flags: more flags, each with its value.

    Returns:
        Two lines; the first is for a shell once the placeholder is filled in.
    """
    words = ["--input_file=" + records, *flags, "--init_checkpoint=RELEASED_CHECKPOINT"]
    return (
        f"python -m clinicalbert_tf.pretrain {' '.join(map(_quoted, words))}\n"
        "(RELEASED_CHECKPOINT: the folder or checkpoint of a released model with the same "
        "vocabulary; or --bert_config_file=FILE instead for fresh weights.)"
    )


def _quoted(flag: str) -> str:
    """A flag for a shell, quoted from its value on, which reads better."""
    name, _, value = flag.partition("=")
    return f"{name}={shlex.quote(value)}"


def format_report(manifest: schema.Manifest, output_dir: str) -> str:
    """A table of the manifest's counts.

    Args:
        manifest: of a finished build.
        output_dir: where its records are.

    Returns:
        Several lines; note ids and counts, never text.
    """
    counts = manifest.counts
    notes = counts["notes"]
    characters = counts["characters"]
    kept = characters["kept"] / max(1, characters["read"])
    rows = [("notes read", notes["read"]), ("  written", notes["written"])]
    rows += [("  empty", notes["empty"])]
    rows += [(f"  filtered: {reason}", n) for reason, n in sorted(notes["filtered"].items())]
    rows += [("  failed", notes["failed"])]
    if skipped := notes.get("files_not_read"):
        rows += [(f"files not read: {kind}", number) for kind, number in skipped.items()]
    rows += [(f"notes with {form}", number) for form, number in notes.get("forms", {}).items()]
    copies = sum(n for reason, n in notes["filtered"].items() if reason.endswith(documents.COPY))
    if copies:
        with_text = notes["written"] + notes["failed"] + copies
        rows += [("copies left out, %", f"{100 * copies / with_text:.2f}")]
    rows += [(name, counts[name]) for name in ("sections", "sentences", "tokens", "instances")]
    if unknown := counts.get("unknown_tokens"):
        rows += [("[UNK], % of the tokens", f"{100 * unknown / max(1, counts['tokens']):.2f}")]
    rows += [("characters kept, %", f"{100 * kept:.2f}")]
    rows += [("shards", len(manifest.shards))]
    rows += [("bytes", sum(shard["bytes"] for shard in manifest.shards))]
    lines = [
        f"{name:32}{value:>16,}" if isinstance(value, int) else f"{name:32}{value:>16}"
        for name, value in rows
    ]
    if manifest.failed_notes:
        shown = [f"{note['note_id']} ({note['reason']})" for note in manifest.failed_notes[:5]]
        lines.append(
            f"Notes that failed: {', '.join(shown)}"
            + (", ..." if len(manifest.failed_notes) > 5 else "")
            + f"; all of them in {schema.MANIFEST_NAME}."
        )
    lines += [f"Warning: {warning}" for warning in manifest.warnings]
    lines.append(f"Wrote {counts['instances']:,} instances to {output_dir}.")
    lines.append(f"Next: {next_command(output_dir)}")
    return "\n".join(lines)
