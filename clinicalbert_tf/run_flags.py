"""A training command's flags, and the settings that they give.

One flag per setting, the reference's names for some, and what several runs take.
"""

import glob
import json
import os
from collections.abc import Collection, Mapping
from typing import Any

from absl import flags

from clinicalbert_tf.flags import define_flags, given_settings
from clinicalbert_tf.run_files import RECORD_NAME
from clinicalbert_tf.setting_fields import settings_of
from clinicalbert_tf.training.cluster.cluster import find_cluster, run_name

FLAGS = flags.FLAGS
# --help of a command lists the flags that are defined here for it.
flags.disclaim_key_flags()
# Flags of the reference that have another name in the settings, or none: kind, name, help.
_REFERENCE_FLAGS = (
    (flags.DEFINE_bool, "use_tpu", False, "The reference's way to say --strategy=tpu."),
    (flags.DEFINE_string, "master", None, "The reference's name for --tpu_name, grpc:// address."),
    (
        flags.DEFINE_integer,
        "num_tpu_cores",
        None,
        "The reference's name for --num_replicas on a TPU. Default: all cores.",
    ),
    (
        flags.DEFINE_integer,
        "iterations_per_loop",
        None,
        "The reference's name for --steps_per_loop.",
    ),
)


def define_run_flags(
    settings_class, left_out: Collection[str] = (), defaults: Mapping[str, Any] | None = None
) -> None:
    """Defines a training command's flags: one per setting, and the reference's names for some."""
    define_flags(settings_class, left_out, defaults)
    for define, name, default, text in _REFERENCE_FLAGS:
        define(name, default, text)


def define_seeds_flag() -> None:
    """Defines --seeds, for a run per seed."""
    flags.DEFINE_string(
        "seeds", None, "Several seeds N,N,...: a run each, in OUTPUT_DIR/seed-N, and their mean."
    )


def define_sweep_flag() -> None:
    """Defines --sweep, for a run per combination of flags."""
    flags.DEFINE_string(
        "sweep",
        None,
        "A file of flags with several values each, --NAME=A,B: a run for each combination, the "
        "best one chosen on dev and tested once.",
    )


def many_seeds(text: str) -> list[int]:
    """The seeds of --seeds.

    Raises:
        ValueError: they are not different whole numbers.
    """
    try:
        seeds = [int(part) for part in text.split(",")]
    except ValueError:
        seeds = []
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise ValueError(
            f"Expected --seeds to be different whole numbers N,N,..., received {text!r}."
        )
    return seeds


def settings_given(settings_class, default_output_dir: str) -> dict[str, Any]:
    """The settings that the flags give, by name, under the settings' own names.

    Args:
        settings_class: the command's settings.
        default_output_dir: where everything goes without --output_dir.

    Raises:
        ValueError: flags contradict each other or are out of range.
    """
    given = given_settings(settings_class)
    _take_reference_flags(given)
    check_workers(given)
    if given.get("strategy") == "multi_worker":
        _take_gpus()
    given.setdefault("output_dir", default_output_dir)
    return given


def settings_of_run(settings_class, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """The settings of the run in the output folder, by name; None if none of the kind lies there.

    Args:
        settings_class: the command's settings.
        given: what the flags give, with output_dir.

    Raises:
        ValueError: the folder holds several runs on data of its own (--seeds, --sweep, folds),
            which one run's settings do not tell.
    """
    held = _held_settings(os.path.join(given["output_dir"], RECORD_NAME))
    if held is None:
        _refuse_several_runs(given["output_dir"])
        return None
    known = settings_of(settings_class)
    # A tuple is a list in JSON.
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in held.items()
        if name in known and name != "output_dir"
    }


def _held_settings(path: str) -> dict[str, Any] | None:
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)["settings"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _refuse_several_runs(output_dir: str) -> None:
    """Embedded runs have their data in the folder itself, and are continued."""
    inside = os.path.abspath(output_dir) + os.sep
    for depth in ("*", os.path.join("sweep", "*")):
        for path in glob.glob(os.path.join(glob.escape(output_dir), depth, RECORD_NAME)):
            held = _held_settings(path) or {}
            data = [held.get(name) for name in ("data_dir", "train_file")]
            if any(isinstance(d, str) and not os.path.abspath(d).startswith(inside) for d in data):
                raise ValueError(
                    f"Expected the flags of the data too: {output_dir} holds several runs "
                    "(--seeds, --sweep or folds). Repeat the whole command to resume them."
                )


def _take_reference_flags(given: dict[str, Any]) -> None:
    """Puts what the reference calls otherwise under the settings' names."""
    reference = {name: FLAGS[name].value for _, name, *_ in _REFERENCE_FLAGS if FLAGS[name].present}
    if "iterations_per_loop" in reference:
        given.setdefault("steps_per_loop", reference["iterations_per_loop"])
    if reference.get("use_tpu") and given.setdefault("strategy", "tpu") != "tpu":
        raise ValueError(
            f"Expected --strategy=tpu with --use_tpu, received --strategy={given['strategy']}. "
            "Drop one of the two."
        )
    if given.get("strategy") == "tpu":
        given.setdefault("tpu_name", reference.get("master"))
        given.setdefault("num_replicas", reference.get("num_tpu_cores"))


def check_workers(given: Mapping[str, Any]) -> None:
    """Refuses several workers that share no folder, or that were not told to be workers.

    Raises:
        ValueError: says which flag is missing.
    """
    if given.get("strategy") == "multi_worker":
        if "output_dir" not in given and run_name() is None:
            raise ValueError(
                "Expected --output_dir with --strategy=multi_worker, received none. Name one "
                "folder on a file system that all workers share."
            )
        find_cluster()
        return
    strategy = given.get("strategy", "one_device")
    if strategy != "tpu" and os.environ.get("TF_CONFIG"):
        workers = len(find_cluster().addresses)
        if workers > 1:
            raise ValueError(
                f"Expected --strategy=multi_worker as TF_CONFIG names {workers} workers, "
                f"received --strategy={strategy}: each would train on its own. Give the flag, or "
                "unset TF_CONFIG."
            )


def _take_gpus() -> None:
    # What TensorFlow sees is settled as it starts, before the strategy is made.
    gpus = find_cluster().gpus
    if gpus is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus


def is_chief(given: Mapping[str, Any]) -> bool:
    """Whether this process writes what all workers share."""
    return given.get("strategy") != "multi_worker" or find_cluster().is_chief


def what_to_do(given: Mapping[str, Any], held_out: bool) -> tuple[bool, bool]:
    """(do_train, do_eval), each from the other and from whether anything is held out."""
    train, evaluate = given.get("do_train"), given.get("do_eval")
    if train is None:
        train = not evaluate
    if evaluate is None:
        evaluate = train and held_out
    return train, evaluate
