"""Fine-tuning and predicting, beside Hugging Face's Trainer on PyTorch: texts per second.

    python experiments/benchmarks/fine_tuning.py --data_dir COVID_QUESTION_PAIRS [--size base]
    python experiments/benchmarks/fine_tuning.py --chunks READMISSION/discharge --length 256
    python experiments/benchmarks/fine_tuning.py --questions passages_train.json.gz --length 384

One run, both sides warmed up, taking turns: same weights, token ids, batch size, precision
(float32) and cores. Both group by length and pad each batch to its longest; Hugging Face's
predictions are sorted by length too, so padding is not the difference. With --chunks the texts are
the chunks of admissions, as run_readmission reads them; with --questions the windows of a SQuAD
file that hold the answer, with run_squad's model and BertForQuestionAnswering. `base` has random
weights.
"""

import argparse
import os
import statistics
import tempfile

import numpy as np
import turns
from fine_tuning_inputs import read_inputs

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def main() -> None:
    """Prints medians of the rounds and their ratio."""
    values = _arguments()
    base = values.size == "base"
    model = turns.write_base_model(values.model, "base") if base else values.model
    inputs = read_inputs(values, model)
    mean = statistics.mean(inputs.lengths())
    print(f"{values.size}: {len(inputs.ids)} texts of {mean:.1f} tokens, batch {values.batch_size}")
    sides = {"ours": Ours(values, model, inputs), "torch": torch_side(values, model, inputs)}
    turns.take_turns(sides, values.rounds, mean, "texts")


class Ours:
    """This software: the engine's step, and the pipeline's predictor."""

    def __init__(self, values, folder, inputs):
        from clinicalbert_tf.checkpoints.detect import open_checkpoint
        from clinicalbert_tf.inference.predictor import Predictor
        from clinicalbert_tf.input_pipeline.array_source import ArraySource
        from clinicalbert_tf.training.fine_tuning import FineTuningSettings, with_steps

        ids, segments = inputs.ids, inputs.segments
        build, objective, arrays, names = (_spans if inputs.are_questions else _classes)(inputs)
        examples = ArraySource({"token_ids": ids, "segment_ids": segments}, arrays, values.length)
        given = {"output_dir": ".", "train_batch_size": values.batch_size}
        settings = FineTuningSettings(**with_steps(given, len(ids), False))
        model, train = turns.our_model_and_training(
            open_checkpoint(folder), build, objective, settings, examples, values.batch_size
        )

        def logits(batch):
            outputs = model(batch, training=False)
            return {name: outputs[name] for name in names}

        predictor = Predictor(logits, per_token=names if inputs.are_questions else ())
        seconds = [len(s) - int(s.sum()) for s in segments]
        self.train = lambda: train(values.steps)
        self._predictor, self._texts = predictor, (ids, seconds)

    def predict(self):
        self._predictor.predict(*self._texts)
        return sum(map(len, self._texts[0]))


def _classes(inputs):
    from clinicalbert_tf.modeling.classifier import build_classifier
    from clinicalbert_tf.tasks.classification.objective import ClassificationObjective

    arrays = {"targets": inputs.targets, "has_target": [1.0] * len(inputs.targets)}
    objective = ClassificationObjective("single", (1.0, 1.0))
    return lambda config: build_classifier(config, 2), objective, arrays, ("logits",)


def _spans(inputs):
    from clinicalbert_tf.modeling.span import build_span_model
    from clinicalbert_tf.tasks.question_answering.objective import SpanObjective

    starts, ends = zip(*inputs.targets, strict=True)
    arrays = {
        "start_positions": starts,
        "end_positions": ends,
        "target_weights": [1.0] * len(starts),
    }
    return build_span_model, SpanObjective(), arrays, ("start_logits", "end_logits")


def torch_side(values, folder, inputs) -> turns.TorchSide:
    """Hugging Face's model of the same task on the same token ids."""
    import torch
    from transformers import AutoModelForQuestionAnswering, AutoModelForSequenceClassification

    if inputs.are_questions:
        model = AutoModelForQuestionAnswering.from_pretrained(folder)
    else:
        model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)
    lengths = inputs.lengths()

    def batch(members):
        longest = max(lengths[member] for member in members)
        made = np.zeros((3, len(members), longest), np.int64)
        for row, member in enumerate(members):
            made[0, row, : lengths[member]] = inputs.ids[member]
            made[1, row, : lengths[member]] = inputs.segments[member]
            made[2, row, : lengths[member]] = 1
        names = "input_ids", "token_type_ids", "attention_mask"
        return dict(zip(names, torch.from_numpy(made), strict=True))

    def targets(members, _):
        target = torch.tensor([inputs.targets[member] for member in members])
        if inputs.are_questions:
            return {"start_positions": target[:, 0], "end_positions": target[:, 1]}
        return {"labels": target}

    return turns.TorchSide(
        *(model, lengths, batch, targets),
        *(values.batch_size, values.steps, len(lengths)),
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data_dir", type=os.path.abspath, help="of the question pairs")
    parser.add_argument("--chunks", type=os.path.abspath, help="of chunks, with train.jsonl")
    parser.add_argument("--questions", type=os.path.abspath, help="a SQuAD file with answers")
    parser.add_argument("--size", choices=("minilm", "base"), default="minilm")
    parser.add_argument("--texts", type=int, help="at most so many")
    turns.add_arguments(parser, length=64)
    return parser.parse_args()


if __name__ == "__main__":
    arguments = _arguments()
    if not (arguments.data_dir or arguments.chunks or arguments.questions):
        raise SystemExit("Expected --data_dir, --chunks or --questions, received none of them.")
    os.chdir(tempfile.mkdtemp())
    main()
