"""What every training command does around its run.

A command defines its flags (`define_run_flags`), turns them into settings (`settings_given`), and
hands both steps to `run_command`: environment, logging, signals, exit codes, messages and how to
resume are here.
"""

import datetime
import os
import shlex
import sys
from collections.abc import Callable, Mapping
from typing import Any

from absl import app, flags, logging

from clinicalbert_tf.run_files import REPORT_NAME
from clinicalbert_tf.run_flags import (
    check_workers,
    define_run_flags,
    define_seeds_flag,
    define_sweep_flag,
    is_chief,
    many_seeds,
    settings_given,
    settings_of_run,
    what_to_do,
)
from clinicalbert_tf.training import endings, exit_codes
from clinicalbert_tf.training.allocator import keep_freed_memory
from clinicalbert_tf.training.cluster import watchdog
from clinicalbert_tf.training.cluster.cluster import find_cluster, run_name
from clinicalbert_tf.training.errors import LostWorkerError
from clinicalbert_tf.training.preemption import Interrupted, StopSignals
from clinicalbert_tf.training.watching import json_lines
from tfrecords_builder.quiet_start import prepare_process, start_tensorflow

__all__ = [
    "check_workers",
    "define_run_flags",
    "define_seeds_flag",
    "define_sweep_flag",
    "is_chief",
    "many_seeds",
    "run_command",
    "say_run_results",
    "settings_given",
    "settings_of_run",
    "what_to_do",
]
FLAGS = flags.FLAGS


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
    prepare_process()
    # Off by default on processors without the newest instructions, where it gains too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if not FLAGS["verbosity"].present:
        logging.set_verbosity(logging.INFO)
    if FLAGS.log_format == "json":
        json_lines.install()
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
