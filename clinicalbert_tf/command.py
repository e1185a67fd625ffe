"""What every training command does around its run.

A command defines its flags (`define_run_flags`), turns them into settings, and hands both steps to
`run_command`: environment, logging, signals, exit codes, messages and how to continue are here.
"""

import datetime
import json
import os
import shlex
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any

from absl import app, flags, logging

from clinicalbert_tf.flags import define_flags, given_settings
from clinicalbert_tf.quiet_start import plain_lines_at_a_terminal, start_tensorflow
from clinicalbert_tf.run_files import RECORD_NAME, REPORT_NAME
from clinicalbert_tf.setting_fields import settings_of
from clinicalbert_tf.training import endings, exit_codes
from clinicalbert_tf.training.allocator import keep_freed_memory
from clinicalbert_tf.training.cluster import watchdog
from clinicalbert_tf.training.cluster.cluster import find_cluster, run_name
from clinicalbert_tf.training.errors import LostWorkerError
from clinicalbert_tf.training.preemption import Interrupted, StopSignals
from clinicalbert_tf.training.watching import json_lines

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
    given.setdefault("output_dir", default_output_dir)
    return given


def settings_of_run(settings_class, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """The settings of the run in the output folder, by name; None if none of the kind lies there.

    Args:
        settings_class: the command's settings.
        given: what the flags give, with output_dir.
    """
    path = os.path.join(given["output_dir"], RECORD_NAME)
    try:
        with open(path, encoding="utf-8") as file:
            held = json.load(file)["settings"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    known = settings_of(settings_class)
    # A tuple is a list in JSON.
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in held.items()
        if name in known and name != "output_dir"
    }


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


def run_command(
    name: str,
    argv: list[str],
    make_settings: Callable[[str], Any],
    run: Callable[[Any, StopSignals], dict[str, Any]],
    say_results: Callable[[Any, dict[str, Any]], None],
) -> None:
    """Runs a training command from its flags to its exit code.

    Args:
        name: the command's, as in python -m clinicalbert_tf.NAME.
        argv: what absl passes to main; flags only.
        make_settings: from the default output folder to the command's settings.
        run: does what the settings say.
        say_results: prints what was written and what to run next.

    Raises:
        SystemExit: with one of training.exit_codes, unless everything is done.
    """
    if len(argv) > 1:
        raise app.UsageError(f"Expected flags only, received {argv[1:]}.")
    _prepare_process()
    status = exit_codes.DONE
    with StopSignals(leave=lambda error: _say_stopped(name, error)) as signals:
        try:
            _run(name, make_settings, run, say_results, signals)
        except SystemExit as ended:
            status = ended.code
            if FLAGS.strategy != "multi_worker":
                raise
    if FLAGS.strategy == "multi_worker":
        watchdog.leave(status)


def _prepare_process() -> None:
    # Checkpoints, vocabularies and records hold what was learnt from protected notes.
    os.umask(0o077)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Off by default on processors without the newest instructions, where it gains too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if not FLAGS["verbosity"].present:
        logging.set_verbosity(logging.INFO)
    if FLAGS.log_format == "json":
        json_lines.install()
    else:
        plain_lines_at_a_terminal()
    keep_freed_memory()


def _run(name, make_settings, run, say_results, signals: StopSignals) -> None:
    settings = None
    now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    try:
        shared = run_name() if FLAGS.strategy == "multi_worker" else None
        settings = make_settings(os.path.join("runs", f"{name}-{shared or now}"))
        for doubt in settings.doubts():
            logging.warning("%s", doubt)
        # Late: with TensorFlow behind it, --help and wrong flags would take seconds.
        start_tensorflow()
        results = run(settings, signals)
    except LostWorkerError as error:
        watchdog.end_process(f"{name}: {error}")
    except Interrupted as error:
        _stop(name, error, settings)
    except Exception as error:
        if signals.raised is not None:
            _stop(name, signals.raised, settings)
        message = endings.explanation(error)
        if message is None:
            raise
        _say(name, message, event="error", error=type(error).__name__)
        sys.exit(exit_codes.FAILED)
    if settings.strategy == "multi_worker" and not find_cluster().is_chief:
        return
    say_results(settings, results)
    if json_lines.installed():
        logging.info(
            *("Finished: %s.", settings.output_dir),
            extra=json_lines.fields(event="finished", output_dir=settings.output_dir, **results),
        )


def _stop(name: str, error: Interrupted, settings) -> None:
    """Says how to resume and ends with the status of a run that was asked to stop."""
    _say_stopped(name, error, settings)
    sys.exit(error.exit_code)


def _say_stopped(name: str, error: Interrupted, settings=None) -> None:
    named = settings is None or FLAGS["output_dir"].present
    command = endings.how_to_resume(
        name,
        sys.argv[1:],
        None if named else settings.output_dir,
        one_of_several=FLAGS.strategy == "multi_worker",
    )
    _say(name, f"{error} {command}", event="stopped", exit_code=error.exit_code)


def _say(name: str, message: str, **fields) -> None:
    """One line on stderr."""
    if json_lines.installed():
        logging.error("%s: %s", name, message, extra=json_lines.fields(**fields))
    else:
        print(f"{name}: {message}", file=sys.stderr, flush=True)


def say_run_results(settings, results: Mapping[str, Any]) -> None:
    """Prints what a run has written, its evaluation, and how to look at it."""
    output_dir = settings.output_dir
    if "train" in results:
        print(
            f"Trained to step {results['step']}; {output_dir} holds "
            f"model.ckpt-{results['step']}, bert_config.json, run.json and events."
        )
    if "eval" in results:
        print(f"Evaluated; {os.path.join(output_dir, 'eval_results.txt')}:")
        for name, value in sorted(results["eval"].items()):
            print(f"  {name} = {value}")
    print("Next:")
    print(f"  tensorboard --logdir {shlex.quote(output_dir)}")
    report = os.path.join(output_dir, REPORT_NAME)
    if settings.report and os.path.exists(report):
        print(f"  open {report} in a browser")
