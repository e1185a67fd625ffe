"""`python -m clinicalbert_tf.restore PATH`: checks a download and prints what it is."""

import os
import sys

from absl import app, flags

from tfrecords_builder import command_line

_MODEL = flags.DEFINE_string(
    "model", None, "Name of one of several models in an archive or folder; none lists them."
)
_DO_LOWER_CASE = flags.DEFINE_bool(
    "do_lower_case",
    None,
    "Casing; by default told from the model. Given, it wins, with a note if it contradicts.",
)
_CACHE_DIR = flags.DEFINE_string(
    "cache_dir",
    None,
    "Folder to which archives are unpacked. Default: $CLINICALBERT_TF_CACHE or "
    "~/.cache/clinicalbert_tf.",
)
_READ_WEIGHTS = flags.DEFINE_bool(
    "read_weights", True, "Whether every array is read, which finds damage in the weights."
)


def main(argv: list[str]) -> None:
    """Opens, describes and reads the model at argv[1]."""
    if len(argv) != 2:
        raise app.UsageError(
            f"Expected one path of an archive, folder or checkpoint, received {len(argv) - 1}. "
            "Example: python -m clinicalbert_tf.restore pretrained_bert_tf.tar.gz"
        )
    # The reader of checkpoints greets with its build flags otherwise.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from tqdm import tqdm

    from clinicalbert_tf.checkpoints.describe import check_weights, describe
    from clinicalbert_tf.checkpoints.detect import open_checkpoint

    try:
        source = open_checkpoint(
            argv[1],
            _MODEL.value,
            do_lower_case=_DO_LOWER_CASE.value,
            cache_dir=_CACHE_DIR.value,
        )
        for title, text in describe(source):
            print(f"{title:12} {text}")
        if _READ_WEIGHTS.value:
            names = tqdm(source.tensors, desc="reading", unit=" arrays", disable=None)
            check_weights(source, names)
    except (OSError, ValueError) as error:
        sys.exit(f"{error.__class__.__name__}: {error}")
    print("All of it can be read. Next:" if _READ_WEIGHTS.value else "Next:")
    given = {"model": _MODEL.value, "do_lower_case": _DO_LOWER_CASE.value}
    rest = "".join(f", {name}={value!r}" for name, value in given.items() if value is not None)
    print(f"  clinicalbert_tf.from_pretrained({argv[1]!r}{rest})")


if __name__ == "__main__":
    command_line.run(main)
