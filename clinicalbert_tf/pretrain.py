"""Pretrains BERT on records of clinical notes, and evaluates it.

Takes the flags of the reference's run_pretraining. With no data flags at all it makes up notes,
learns a vocabulary from them and trains a tiny BERT, to show the whole way.

Exit codes: 0 done; 1 failed, with one message that says what to do; 75 stopped by SIGTERM with
the state saved, started again it goes on; 76 another worker was lost, all started again go on; 130
stopped by SIGINT, saved likewise.
"""

import datetime
import os
import shlex
import sys
from typing import Any

from absl import app, flags, logging

from clinicalbert_tf.training import endings, exit_codes
from clinicalbert_tf.training.allocator import keep_freed_memory
from clinicalbert_tf.training.cluster import watchdog
from clinicalbert_tf.training.cluster.cluster import find_cluster, run_name
from clinicalbert_tf.training.errors import LostWorkerError
from clinicalbert_tf.training.preemption import Interrupted, StopSignals
from clinicalbert_tf.training.watching import json_lines

FLAGS = flags.FLAGS
# Giving none of these asks for the embedded default.
_DATA_FLAGS = ("input_file", "eval_file", "bert_config_file", "vocab_file", "init_checkpoint")
# Flags of the reference that have another name in the settings, or none.
_REFERENCE_ONLY = ("use_tpu", "master", "num_tpu_cores", "iterations_per_loop")
# Kind, name, default and help. Defaults of None are found out; the help says how.
_TABLE = (
    ("string", "input_file", None, """Records: a folder with manifest.json, or comma-separated
        TFRecord files and globs."""),
    ("string", "eval_file", None, """Records to evaluate, in the same form. To evaluate on the
        training records, give them twice."""),
    ("string", "output_dir", None, """Folder of checkpoints, eval_results.txt, run.json and
        TensorBoard events; a run found in it is resumed. Default: a fresh
        runs/pretrain-DATE-TIME."""),
    ("string", "bert_config_file", None, """The model's bert_config.json. Default: the one beside
        --init_checkpoint or the records."""),
    ("string", "vocab_file", None, """The model's vocabulary. Default: the one beside
        --init_checkpoint, the configuration or the records."""),
    ("string", "init_checkpoint", None, """TF1 checkpoint to start from: directory, prefix or
        .index file. Default: fresh weights."""),
    ("bool", "do_lower_case", None, "The casing the records must have. Default: theirs."),
    ("bool", "do_train", None, """Whether to train. Default: true, unless --do_eval alone is
        given."""),
    ("bool", "do_eval", None, """Whether to evaluate: --eval_file after training, or --input_file
        without training. Default: whether --eval_file is given."""),
    ("integer", "max_seq_length", None, """Tokens a record that the records must have. Default:
        theirs."""),
    ("integer", "max_predictions_per_seq", None, """Masked positions a record that the records
        must have. Default: theirs."""),
    ("integer", "train_batch_size", 32, "Records a training step, over all replicas."),
    ("integer", "eval_batch_size", 8, "Records an evaluation batch, over all replicas."),
    ("float", "learning_rate", 5e-5, "Learning rate at the top of the linear decay."),
    ("integer", "num_train_steps", 100_000, "Training steps in all."),
    ("integer", "num_warmup_steps", 10_000, "Steps of linear warm-up."),
    ("integer", "save_checkpoints_steps", 1000, "Steps between saved checkpoints."),
    ("integer", "steps_per_loop", 1000, """Most steps a call; fewer where that many would
        take long."""),
    ("integer", "iterations_per_loop", None, "The reference's name for --steps_per_loop."),
    ("integer", "eval_steps", None, """Training steps between evaluations on --eval_file; the
        best checkpoint is kept apart, in OUTPUT_DIR/best. Default: only at the end."""),
    ("integer", "early_stopping_patience", 0, """Evaluations in a row without a better one after
        which training ends; 0 never ends it early."""),
    ("integer", "max_eval_steps", 100, "Most batches evaluated."),
    ("integer", "keep_checkpoint_max", 5, "Checkpoints kept, the newest ones; 0 keeps all."),
    ("integer", "shuffle_buffer", 10_000, """Records shuffled among each other; 0 reads in file
        order."""),
    ("integer", "seed", 12345, "Seed of fresh weights, the records' order and dropout."),
    ("string", "strategy", None, """one_device, mirrored, multi_worker or tpu. Default: tpu with
        --use_tpu, otherwise one_device."""),
    ("integer", "num_replicas", None, "Replicas. Default: every GPU, or one on the CPU."),
    ("string", "precision", "float32", """float32, mixed_bfloat16 or mixed_float16 (with dynamic
        loss scaling); weights and checkpoints stay float32."""),
    ("integer", "gradient_accumulation_steps", 1, """Parts that a global batch is computed in,
        one after another, to save memory; the same update."""),
    ("bool", "recompute", False, """Compute activations again in the backward pass instead of
        keeping them: less memory, about a third more time."""),
    ("string", "optimizer", "adamw", "adamw (the reference's) or lamb (large batches)."),
    ("string", "objective", "mlm_nsp", """mlm_nsp (masked words and next sentence), or mlm for
        masked words alone."""),
    ("string", "masking", None, """static or dynamic: the kind that the records must have.
        Default: theirs."""),
    ("float", "masked_lm_prob", None, """Fraction of tokens masked, with dynamic masking. Default:
        the one that the records were built with."""),
    ("bool", "do_whole_word_mask", None, """Mask whole words, with dynamic masking. Default: as
        the records were built."""),
    ("integer", "length_buckets", 0, """Batch records of like lengths and pad each batch to a
        multiple of so many tokens only; needs --shuffle_buffer. 0 pads all to
        max_seq_length."""),
    ("string", "on_corrupt", "stop", """What to do about a damaged file: stop; previous, to start
        from the checkpoint before; or skip, to leave out damaged files of records as well."""),
    ("bool", "jit_compile", False, "Compile the forward and backward pass with XLA."),
    ("bool", "deterministic", True, """Repeatable to the bit, resumed runs included; may be slower
        on GPUs."""),
    ("integer", "worker_timeout", 30, """Seconds without a sign of life after which a worker of
        --strategy=multi_worker counts as lost."""),
    ("string", "profile_steps", None, """FIRST,LAST: steps to profile for TensorBoard's tab Profile
        (pip install tensorboard-plugin-profile). Default: none."""),
    ("integer", "histogram_steps", None, """Steps between TensorBoard histograms of the weights.
        Default: none."""),
    ("string", "log_format", "text", """text, or json for one JSON object a line on stderr; what
        the run has come to stays on stdout, as text."""),
    ("bool", "report", True, "Write OUTPUT_DIR/report.html at the end."),
    ("float", "peak_tflops", None, """The matrix product rate of one device, 10^12 operations/s,
        for the share of it that training reaches. Default: known GPUs, otherwise measured."""),
    ("bool", "use_tpu", False, "The reference's way to say --strategy=tpu."),
    ("string", "tpu_name", None, "The TPU's name or grpc:// address. Default: the local one."),
    ("string", "tpu_zone", None, "The TPU's zone. Default: this machine's."),
    ("string", "gcp_project", None, "The TPU's project. Default: this machine's."),
    ("string", "master", None, "The reference's name for --tpu_name, a TPU's grpc:// address."),
    ("integer", "num_tpu_cores", None, """The reference's name for --num_replicas on a TPU.
        Default: all cores."""),
)  # fmt: skip
for _kind, _name, _default, _help in _TABLE:
    getattr(flags, f"DEFINE_{_kind}")(_name, _default, " ".join(_help.split()))


def settings_from_flags(default_output_dir: str):
    """The settings that the flags ask for; the embedded default's where no data flag is given.

    Args:
        default_output_dir: where everything goes without --output_dir.

    Returns:
        A PretrainingSettings.

    Raises:
        ValueError: flags are missing, contradict each other or are out of range.
    """
    from clinicalbert_tf.training.settings import PretrainingSettings

    given = {name: FLAGS[name].value for _, name, *_ in _TABLE if FLAGS[name].present}
    _take_reference_flags(given)
    chief = _is_chief(given)
    given.setdefault("output_dir", default_output_dir)
    if "profile_steps" in given:
        given["profile_steps"] = _pair("profile_steps", given["profile_steps"])
    if not any(given.get(name) for name in _DATA_FLAGS) and given.get("do_train", True):
        from clinicalbert_tf import embedded_default

        return embedded_default.prepare(given) if chief else embedded_default.await_chief(given)
    given["do_train"], given["do_eval"] = _what_to_do(given)
    if not given["do_train"]:
        given.setdefault("input_file", given.get("eval_file"))
    given.setdefault("input_file", "")
    return PretrainingSettings(**given)


def _take_reference_flags(given: dict[str, Any]) -> None:
    """Puts what the reference calls otherwise under the settings' names."""
    reference = {name: given.pop(name) for name in _REFERENCE_ONLY if name in given}
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


def _is_chief(given: dict[str, Any]) -> bool:
    """Whether this process writes what all workers share; refuses workers not told to be some."""
    if given.get("strategy") == "multi_worker":
        if "output_dir" not in given and run_name() is None:
            raise ValueError(
                "Expected --output_dir with --strategy=multi_worker, received none. Name one "
                "folder on a file system that all workers share."
            )
        return find_cluster().is_chief
    strategy = given.get("strategy", "one_device")
    if strategy != "tpu" and os.environ.get("TF_CONFIG"):
        workers = len(find_cluster().addresses)
        if workers > 1:
            raise ValueError(
                f"Expected --strategy=multi_worker where TF_CONFIG names {workers} workers, "
                f"received --strategy={strategy}: each would train on its own. Give the flag, or "
                "unset TF_CONFIG."
            )
    return True


def _pair(name: str, value: str) -> tuple[int, int]:
    """FIRST,LAST of a flag."""
    try:
        first, last = (int(part) for part in value.split(","))
    except ValueError:
        first = last = 0
    if not 1 <= first <= last:
        raise ValueError(
            f"Expected --{name} to be two steps FIRST,LAST with 1 <= FIRST <= LAST, received "
            f"{value!r}. Give, for example, --{name}=10,15."
        )
    return first, last


def _what_to_do(given: dict[str, Any]) -> tuple[bool, bool]:
    """(do_train, do_eval), each from the other and from --eval_file where not given."""
    train, evaluate = given.get("do_train"), given.get("do_eval")
    if train is None:
        train = not evaluate
    if evaluate is None:
        evaluate = train and bool(given.get("eval_file"))
    return train, evaluate


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"Expected flags only, received {argv[1:]}.")
    # Checkpoints, vocabularies and records hold what was learnt from protected notes.
    os.umask(0o077)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Off by default on processors without the newest instructions, where it gains too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if not FLAGS["verbosity"].present:
        logging.set_verbosity(logging.INFO)
    if FLAGS.log_format == "json":
        json_lines.install()
    keep_freed_memory()
    status = exit_codes.DONE
    with StopSignals(leave=_say_stopped) as signals:
        try:
            _pretrain(signals)
        except SystemExit as ended:
            status = ended.code
            if FLAGS.strategy != "multi_worker":
                raise
    if FLAGS.strategy == "multi_worker":
        watchdog.leave(status)


def _pretrain(signals: StopSignals) -> None:
    settings = None
    now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    try:
        shared = run_name() if FLAGS.strategy == "multi_worker" else None
        settings = settings_from_flags(os.path.join("runs", f"pretrain-{shared or now}"))
        for doubt in settings.doubts():
            logging.warning("%s", doubt)
        # Late: with TensorFlow behind it, --help and wrong flags would take seconds.
        from clinicalbert_tf.training.run import run_pretraining

        results = run_pretraining(settings, signals)
    except LostWorkerError as error:
        watchdog.end_process(f"pretrain: {error}")
    except Interrupted as error:
        _stop(error, settings)
    except Exception as error:
        if signals.raised is not None:
            _stop(signals.raised, settings)
        message = endings.explanation(error)
        if message is None:
            raise
        _fail(error, message)
    if settings.strategy == "multi_worker" and not find_cluster().is_chief:
        return
    _say_results(settings, results)
    if json_lines.installed():
        logging.info(
            *("Finished: %s.", settings.output_dir),
            extra=json_lines.fields(event="finished", output_dir=settings.output_dir, **results),
        )


def _fail(error: Exception, message: str) -> None:
    """Says what went wrong on stderr and ends with status 1."""
    _say(message, event="error", error=type(error).__name__)
    sys.exit(exit_codes.FAILED)


def _stop(error: Interrupted, settings) -> None:
    """Says how to go on and ends with the status of a run that was asked to stop."""
    _say_stopped(error, settings)
    sys.exit(error.exit_code)


def _say_stopped(error: Interrupted, settings=None) -> None:
    named = settings is None or FLAGS["output_dir"].present
    command = endings.how_to_go_on(
        sys.argv[1:],
        None if named else settings.output_dir,
        one_of_several=FLAGS.strategy == "multi_worker",
    )
    _say(f"{error} {command}", event="stopped", exit_code=error.exit_code)


def _say(message: str, **fields) -> None:
    """One line on stderr."""
    if json_lines.installed():
        logging.error("pretrain: %s", message, extra=json_lines.fields(**fields))
    else:
        print(f"pretrain: {message}", file=sys.stderr, flush=True)


def _say_results(settings, results: dict[str, Any]) -> None:
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
    _say_next(settings, results)


def _say_next(settings, results: dict[str, Any]) -> None:
    command = "python -m clinicalbert_tf.pretrain"
    folder = shlex.quote(settings.output_dir)
    print("Next:")
    print(f"  tensorboard --logdir {folder}")
    report = os.path.join(settings.output_dir, "report.html")
    if settings.report and os.path.exists(report):
        print(f"  open {report} in a browser")
    if "train" not in results:
        return
    if "eval" not in results:
        print(
            f"  {command} --do_train=False --do_eval=True --output_dir={folder} "
            "--input_file=HELD_OUT_RECORDS"
        )
    if settings.input_file.startswith(os.path.join(settings.output_dir, "data", "")):
        print(
            "  python -m tfrecords_builder --input NOTEEVENTS.csv.gz --vocab_file vocab.txt "
            "--output_dir records"
        )
        print(f"  {command} --input_file records --init_checkpoint RELEASED_CHECKPOINT")


if __name__ == "__main__":
    app.run(main)
