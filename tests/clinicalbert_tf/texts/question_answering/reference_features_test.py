import json

import pytest

from clinicalbert_tf.texts.question_answering.question import Answer, Question
from clinicalbert_tf.texts.question_answering.reference_features import (
    narrow_answer,
    reference_example,
    reference_features,
    reference_windows,
)
from clinicalbert_tf.texts.question_answering.windows import WindowMaker, WindowSettings

SETTINGS = WindowSettings(max_seq_length=64, doc_stride=24, max_query_length=16)
ODD = "cases/read_odd.json"


def squad_questions(content):
    """A slow reader of the golden inputs."""
    for article in content["data"]:
        for paragraph in article["paragraphs"]:
            for qa in paragraph["qas"]:
                answers = tuple(Answer(a["text"], a["answer_start"]) for a in qa.get("answers", ()))
                yield Question(
                    qa["id"],
                    qa["question"],
                    paragraph["context"],
                    answers,
                    qa.get("is_impossible"),
                )


def examples_and_questions(content, is_training, version_2):
    for question in squad_questions(content):
        example = reference_example(question, is_training, version_2)
        if example is not None:
            yield example, question


def features(content, tokenizer, as_batch, is_training, version_2):
    """Everything that the golden features hold, in their form."""
    maker = WindowMaker(tokenizer, SETTINGS)
    unique_id = 1_000_000_000
    pairs = examples_and_questions(content, is_training, version_2)
    for index, (example, question) in enumerate(pairs):
        encoded = maker.encode(question)
        windows = reference_windows(encoded, example, tokenizer)
        padded = as_batch(windows, SETTINGS.max_seq_length) if windows else {}
        made = reference_features(encoded, tokenizer, index, unique_id)
        for row, (window, feature) in enumerate(zip(windows, made, strict=True)):
            start, end = window.positions or (None, None)
            yield {
                **vars(feature),
                **{name: values[row].tolist() for name, values in padded.items()},
                "start_position": start,
                "end_position": end,
                "is_impossible": example.is_impossible,
            }
        unique_id += len(windows)


@pytest.mark.parametrize("name", ["train_v1", "train_v2", "dev_v1", "dev_v2"])
def test_examples_equal_the_reference(name, golden, read_golden):
    content = read_golden(f"input/{name}.json")
    pairs = examples_and_questions(content, name.startswith("train"), name.endswith("v2"))
    made = [vars(example) for example, _ in pairs]
    assert made == read_golden(f"expected/examples/{name}.jsonl")
    ids = {example["qas_id"] for example in made}
    left_out = [q.question_id for q in squad_questions(content) if q.question_id not in ids]
    assert left_out == read_golden("expected/counts.json")[name]["left_out"]


@pytest.mark.parametrize(
    "name", ["train_v1_cased", "train_v2_uncased", "dev_v1_uncased", "dev_v2_cased"]
)
def test_features_equal_the_reference(name, read_golden, tokenizers, as_batch):
    part, version, casing = name.split("_")
    made = features(
        read_golden(f"input/{part}_{version}.json"),
        tokenizers[casing],
        as_batch,
        part == "train",
        version == "v2",
    )
    # The golden maps have their keys as JSON has them.
    made = [json.loads(json.dumps(feature)) for feature in made]
    assert made == read_golden(f"expected/features/{name}.jsonl")


def test_odd_files_give_the_references_examples_or_an_error_with_the_id(
    read_golden, tokenizers, as_batch
):
    seen_errors = 0
    for case in read_golden(ODD):
        arguments = case["input"], case["is_training"], case["version_2_with_negative"]
        expected = case["expected"]
        if "error" in expected:
            with pytest.raises(ValueError, match="Question 'x': expected"):
                list(examples_and_questions(*arguments))
            seen_errors += 1
            continue
        made = [vars(example) for example, _ in examples_and_questions(*arguments)]
        assert made == expected["examples"], case["name"]
        made = features(arguments[0], tokenizers["cased"], as_batch, *arguments[1:])
        kept = ("tokens", "start_position", "end_position", "is_impossible")
        made = [{name: feature[name] for name in kept} for feature in made]
        assert made == expected["features_cased"], case["name"]
    assert seen_errors == 6


def test_answer_is_narrowed_as_in_the_reference(read_golden):
    cases = read_golden("cases/improve_answer_span.json")
    assert len(cases) == 16
    for case in cases:
        span = narrow_answer(
            case["doc_tokens"], case["input_start"], case["input_end"], case["answer_tokens"]
        )
        assert list(span) == case["expected"], case


def test_error_names_the_question_and_not_its_text():
    question = Question("q-7", "Which drug?", "Aspirin was given.", (Answer("Aspirin", 400),))
    with pytest.raises(ValueError) as raised:
        reference_example(question, is_training=True, version_2=False)
    assert "'q-7'" in str(raised.value) and "Aspirin" not in str(raised.value)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
