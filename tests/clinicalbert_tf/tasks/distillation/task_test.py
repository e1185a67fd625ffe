import json
import os

import numpy as np
import pytest

import clinicalbert_tf
from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.student import with_layers
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.embedded_questions import invented_questions
from clinicalbert_tf.tasks.distillation.settings import DistillationSettings
from clinicalbert_tf.tasks.distillation.task import run_distillation
from clinicalbert_tf.tasks.question_answering.settings import QuestionAnsweringSettings
from clinicalbert_tf.tasks.question_answering.task import run_question_answering
from tests import processes
from tfrecords_builder.vocabulary import learn_vocabulary, write_vocabulary

# Every test here trains, or uses what a fixture has trained.
pytestmark = pytest.mark.large
MODEL = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
    "type_vocab_size": 2,
}
RUN = {
    "max_seq_length": 40,
    "doc_stride": 16,
    "max_query_length": 12,
    "train_batch_size": 8,
    "num_train_steps": 4,
    "report": False,
    "peak_tflops": 1.0,
}


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teacher")
    for name, seed in (("train", 1), ("dev", 2)):
        (folder / f"{name}.json").write_text(json.dumps(invented_questions(8, seed)))
    articles = invented_questions(8, 1)["data"]
    texts = [article["paragraphs"][0]["context"] for article in articles]
    write_vocabulary(str(folder / "vocab.txt"), learn_vocabulary(texts, 150, do_lower_case=False))
    rows = len((folder / "vocab.txt").read_text().splitlines())
    BertConfig(vocab_size=rows, **MODEL).write(str(folder / "bert_config.json"))
    given = {
        **RUN,
        "bert_config_file": str(folder / "bert_config.json"),
        "train_file": str(folder / "train.json"),
        "dev_file": str(folder / "dev.json"),
        "do_eval": True,
        "do_lower_case": False,
        "output_dir": str(folder / "run"),
    }
    run_question_answering(QuestionAnsweringSettings(**given))
    return folder / "run"


@pytest.fixture(scope="module")
def distilled(teacher):
    output_dir = str(teacher.parent / "student")
    asked = DistillationSettings(teacher=str(teacher), layers=(2, 0), soft_weight=0.7)
    results = run_distillation(asked, {**RUN, "output_dir": output_dir})
    return output_dir, results


def test_student_is_a_smaller_folder_like_any_other(teacher, distilled):
    folder, results = distilled
    assert {"loss", "soft_loss", "label_loss"} <= set(results["train"])
    assert "soft_loss" not in results["evaluations"]["dev"]
    config = BertConfig.from_json_file(os.path.join(folder, "bert_config.json"))
    assert config.num_hidden_layers == 2
    answer = clinicalbert_tf.pipeline("question_answering", folder)
    assert set(answer(question="Which drug?", context="On warfarin.")) == {
        "answer", "start", "end", "score",
    }  # fmt: skip
    record = json.loads((teacher.parent / "student/run.json").read_text())
    assert record["command"] == "run_squad"
    assert record["task"]["distillation"]["soft_weight"] == 0.7


def test_student_starts_with_the_teachers_layers(teacher):
    source = open_checkpoint(str(teacher / "best"))
    student = with_layers(source, (2, 0))
    for place, layer in enumerate((2, 0)):
        name = "bert/encoder/layer_{}/intermediate/dense/kernel"
        np.testing.assert_array_equal(
            student.tensors[name.format(place)], source.tensors[name.format(layer)]
        )
    assert "bert/encoder/layer_2/output/dense/bias" not in student.tensors
    assert student.head == "span"
    with pytest.raises(ValueError, match=r"layers from 0 to 2 .* received 0,3"):
        with_layers(source, (0, 3))


def test_teachers_outputs_are_kept_and_used_again(teacher, distilled):
    path = os.path.join(distilled[0], "teacher", "outputs.npz")
    assert os.stat(path).st_mode & 0o777 == 0o600
    with np.load(path) as kept:
        outputs = {name: kept[name] for name in kept.files}
    # Poisoned: if the next student's outputs were made anew, nothing of this would be seen.
    outputs["start_logits"] = np.zeros_like(outputs["start_logits"])
    np.savez(path, **outputs)
    asked = DistillationSettings(
        teacher=str(teacher), teacher_cache=os.path.dirname(path), soft_weight=1.0
    )
    output_dir = str(teacher.parent / "again")
    run_distillation(asked, {**RUN, "output_dir": output_dir, "num_train_steps": 1})
    with np.load(path) as kept:
        assert not kept["start_logits"].any()


def test_command_trains_on_two_replicas_though_the_teacher_runs_first(teacher):
    output_dir = teacher.parent / "replicas"
    flags = {
        "teacher": teacher, "output_dir": output_dir, "layers": 1, "strategy": "mirrored",
        "num_replicas": 2, "num_train_steps": 1, "train_batch_size": 8, "peak_tflops": 1,
    }  # fmt: skip
    words = ["-m", "clinicalbert_tf.distill", *(f"--{n}={v}" for n, v in flags.items())]
    done = processes.run([*words, "--noreport"])
    assert done.returncode == 0, done.stderr
    assert (output_dir / "teacher" / "outputs.npz").exists()


def test_narrower_student_starts_fresh_and_another_vocabulary_is_refused(teacher):
    path = teacher.parent / "narrow.json"
    config = BertConfig.from_json_file(str(teacher / "bert_config.json"))
    values = config.to_dict() | {"hidden_size": 16, "num_hidden_layers": 1}
    path.write_text(json.dumps(values))
    asked = DistillationSettings(teacher=str(teacher), student_config_file=str(path))
    output_dir = str(teacher.parent / "narrow")
    results = run_distillation(asked, {**RUN, "output_dir": output_dir, "num_train_steps": 1})
    assert results["train"]["soft_loss"] > 0
    path.write_text(json.dumps(values | {"vocab_size": values["vocab_size"] + 8}))
    with pytest.raises(ValueError, match=r"vocab_size is .* but the teacher's"):
        run_distillation(asked, {**RUN, "output_dir": output_dir})


def test_teacher_that_is_no_fine_tuned_run_is_refused(teacher):
    asked = DistillationSettings(teacher=str(teacher.parent / "none"))
    with pytest.raises((FileNotFoundError, ValueError)):
        run_distillation(asked, {**RUN, "output_dir": str(teacher.parent / "x")})


def test_settings_that_contradict_each_other_are_refused():
    with pytest.raises(ValueError, match="--soft_weight from 0 to 1, received 2"):
        DistillationSettings(teacher="t", soft_weight=2.0)
    with pytest.raises(ValueError, match="received both"):
        DistillationSettings(teacher="t", layers=(0,), student_checkpoint="c")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
