"""Converts a BERT checkpoint of any format into the format of another tool.

    python -m clinicalbert_tf.convert_checkpoint SOURCE TARGET --format=huggingface

SOURCE: anything that clinicalbert_tf.from_pretrained takes (TF1 checkpoint, output folder of a
training run, released archive, Hugging Face folder, Keras preset). TARGET: a new folder. With no
paths at all, the newest runs/pretrain-* below the current folder goes to exports/.

    tf1          the reference's names, bert_config.json, vocab.txt
    huggingface  config.json, model.safetensors, tokenizer files; for transformers
    keras        a preset; for keras_nlp.models.BertBackbone.from_preset
    saved_model  takes raw strings or ids, for TensorFlow Serving; tokenization is in the graph,
                 exact beyond ASCII too, and needs TensorFlow's own operators only
    onnx         model.onnx; for ONNX Runtime (needs the extra `onnx`)

A fine-tuned model keeps its head and labels in each of them. Every weight that a format has a place
for keeps its bits. What was left out is said.
"""

import dataclasses
import os
import sys

from absl import flags, logging

from tfrecords_builder import command_line

FLAGS = flags.FLAGS


def define_flags() -> None:
    """Defines the flags; the two paths are arguments."""
    flags.DEFINE_enum(
        "format",
        None,
        ["tf1", "huggingface", "keras", "saved_model", "onnx"],
        "The format to write; see above.",
        required=True,
    )
    flags.DEFINE_string(
        "model", None, "Name of one of several models in an archive or folder; none lists them."
    )
    flags.DEFINE_bool(
        "do_lower_case",
        None,
        "Casing; by default told from the model. Given, it wins, with a note if it contradicts.",
    )
    flags.DEFINE_integer(
        "max_seq_length",
        None,
        "saved_model only: tokens a text at most, [CLS] and [SEP] included; longer texts are cut "
        "off. Default: the model's positions.",
    )
    flags.DEFINE_enum(
        "quantize",
        None,
        ["int8"],
        "onnx only: store matrices in 8 bits; smaller and often faster, not the same outputs.",
    )
    flags.DEFINE_bool(
        "serve_check",
        False,
        "saved_model only: load it in a new process with TensorFlow alone and compare outputs.",
    )
    flags.DEFINE_bool("overwrite", False, "Replace an earlier conversion at TARGET.")


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


def run(arguments: list[str]) -> str:
    """Converts; returns the closing lines."""
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
        lines.append(f"Left out, no place in this format: {', '.join(made.left_out)}.")
    lines += [f"Note: {remark}" for remark in made.remarks]
    lines += ["Next:", "  " + FORMATS[made.format].next_step.format(target=made.target)]
    return "\n".join(lines)


def main(argv: list[str]) -> None:
    """Runs the command; an error that a user can mend is one message and exit status 1."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Writing a SavedModel reports every step of it otherwise.
    if not FLAGS["verbosity"].present:
        logging.set_verbosity(logging.WARNING)
    try:
        print(run(argv[1:]))
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"convert_checkpoint: {error}")


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
