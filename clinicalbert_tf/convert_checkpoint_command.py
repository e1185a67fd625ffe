"""The steps behind `python -m clinicalbert_tf.convert_checkpoint`: flags to library calls."""

import dataclasses
import os

from absl import flags

from clinicalbert_tf.flags import define_table

FLAGS = flags.FLAGS
# --help of the command lists the flags that are defined here for it.
flags.disclaim_key_flags()
# (kind, name, default, help, further arguments)
_FLAGS = (
    (flags.DEFINE_enum, "format", None, "The format to write; see above.",
        {"enum_values": ["tf1", "huggingface", "keras", "saved_model", "onnx"]}),
    (flags.DEFINE_string, "model", None,
        "Name of one of several models in an archive or folder; none lists them."),
    (flags.DEFINE_bool, "do_lower_case", None, """Casing; by default told from the model. Given, it
        wins, with a note if it contradicts."""),
    (flags.DEFINE_integer, "max_seq_length", None, """saved_model only: tokens per text at most,
        [CLS] and [SEP] included; longer texts are cut off. Default: the model's positions."""),
    (flags.DEFINE_enum, "quantize", None, """onnx only: store matrices in 8 bits; smaller and often
        faster, not the same outputs.""", {"enum_values": ["int8"]}),
    (flags.DEFINE_bool, "serve_check", False, """saved_model only: load it in a new process with
        TensorFlow alone and compare outputs."""),
    (flags.DEFINE_bool, "overwrite", False, "Replace an earlier conversion at TARGET."),
)  # fmt: skip


def define_conversion_flags() -> None:
    """Defines the flags; the two paths are arguments."""
    define_table(_FLAGS, required=("format",))


def paths(arguments: list[str], format_name: str) -> tuple[str, str]:
    """SOURCE and TARGET: as given, or the newest run and a folder named after it and the format.

    Raises:
        ValueError: one path or more than two.
        FileNotFoundError: no paths, and no run to take instead.
    """
    if len(arguments) == 2:
        return arguments[0], arguments[1]
    if arguments:
        raise ValueError(
            f"Expected two paths, SOURCE and TARGET, or none, received {len(arguments)}. See "
            "--help."
        )
    from clinicalbert_tf.inference.loading import default_checkpoint

    try:
        source = default_checkpoint()
    except FileNotFoundError:
        raise FileNotFoundError(
            "Expected SOURCE and TARGET, or a pretrained model in runs/pretrain-* below the "
            "current folder, found neither. `python -m clinicalbert_tf.pretrain --strategy "
            "mirrored` makes a small one from invented notes within minutes."
        ) from None
    target = os.path.join("exports", f"{os.path.basename(source)}-{format_name}")
    print(f"No paths given: converting the newest run, {source}.", flush=True)
    return source, target


def convert_checkpoint(arguments: list[str]) -> str:
    """Converts; returns the closing lines.

    Raises:
        FileNotFoundError, ImportError, ValueError: a path, flag or checkpoint is wrong.
    """
    from clinicalbert_tf.checkpoints.writers.conversion import ConversionSettings, convert
    from clinicalbert_tf.checkpoints.writers.formats import FORMATS

    source, target = paths(arguments, FLAGS.format)
    names = [f.name for f in dataclasses.fields(ConversionSettings)][2:]
    made = convert(
        ConversionSettings(source, target, **{name: getattr(FLAGS, name) for name in names})
    )
    casing = "lower-cased" if made.do_lower_case else "cased"
    lines = [f"{made.target}: {made.arrays} arrays of {made.source}, {casing}, as {made.format}."]
    if made.left_out:
        lines.append(f"Left out, this format cannot hold them: {', '.join(made.left_out)}.")
    lines += [f"Note: {remark}" for remark in made.remarks]
    lines += ["Next:", "  " + FORMATS[made.format].next_step.format(target=made.target)]
    return "\n".join(lines)
