"""Size, latency and score of the runs of run.sh, as ONNX in float32 and int8.

    python experiments/distillation/measure.py --runs runs/distillation/*-[123]

Every test example goes alone and unpadded through onnxruntime with one thread. The score is that
of the run (exact entity F1 of diseases; accuracy of pairs, at a probability of one half); latency
is the median over the first hundred examples in milliseconds, tokenization not included.
"""

import argparse
import os
import pathlib
import shutil
import tempfile
import time

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
_MODELS = ("teacher", "alone", "distilled")
_TIMED = 100


def load_task(run: str):
    """The task of a run and its test examples, as padded arrays."""
    import tensorflow as tf

    from clinicalbert_tf.tasks.distillation.task import best_folder
    from clinicalbert_tf.tasks.distillation.teachable import build_task, settings_of_run
    from clinicalbert_tf.training.states.run_record import read_run_record

    record = read_run_record(run)
    given = {"init_checkpoint": best_folder(run), "output_dir": run}
    settings, task = build_task(record["command"], settings_of_run(record, given))
    source = task.find_inputs(settings).eval_sources["test"]
    features = source.parser("test")(tf.range(source.num_examples), 0)
    return task, {name: np.asarray(values) for name, values in features.items()}


def measure(folder: str, task, features) -> tuple[float, float, float]:
    """(megabytes, milliseconds per example, score) of an ONNX folder."""
    import onnxruntime
    import tensorflow as tf

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(os.path.join(folder, "model.onnx"), options)
    names = [one.name for one in session.get_inputs() if one.name != "mask_positions"]
    logits, seconds = [], []
    for place, mask in enumerate(features["padding_mask"]):
        length = int(mask.sum())
        given = {name: features[name][place : place + 1, :length] for name in names}
        start = time.perf_counter()
        found = session.run(["logits"], given)[0][0]
        seconds.append(time.perf_counter() - start)
        kept = task.objective.predictions({"logits": tf.constant(found[np.newaxis])}, {})
        logits.append(kept["logits"].numpy()[0])
    scores = task.score("test", {"logits": logits if logits[0].ndim > 1 else np.array(logits)})
    size = sum(path.stat().st_size for path in pathlib.Path(folder).glob("model.onnx*"))
    score = scores.get("accuracy", scores.get("f1"))
    return size / 1e6, 1000 * float(np.median(seconds[:_TIMED])), score


def main() -> None:
    """Prints a line for each model of each run."""
    from clinicalbert_tf.checkpoints.checkpoint_files import list_checkpoints
    from clinicalbert_tf.checkpoints.writers.conversion import ConversionSettings, convert
    from clinicalbert_tf.tasks.distillation.task import best_folder

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", nargs="+", required=True)
    parser.add_argument("--last", action="store_true", help="the last weights, float32 only")
    given = parser.parse_args()
    print("| run | model | weights | MB | ms per example | score |\n|---|---|---|---|---|---|")
    for run in given.runs:
        task, features = load_task(os.path.join(run, "teacher"))
        for name in _MODELS:
            for quantize in (None,) if given.last else (None, "int8"):
                made = tempfile.mkdtemp()
                folder, target = os.path.join(run, name), os.path.join(made, "onnx")
                source = list_checkpoints(folder)[-1] if given.last else best_folder(folder)
                convert(ConversionSettings(source, target, "onnx", quantize=quantize))
                size, latency, score = measure(target, task, features)
                shutil.rmtree(made)
                line = (pathlib.Path(run).name, name, quantize or "float32", f"{size:.1f}")
                print(f"| {' | '.join(line)} | {latency:.2f} | {score:.3f} |", flush=True)


if __name__ == "__main__":
    main()
