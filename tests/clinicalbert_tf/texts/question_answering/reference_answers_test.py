import numpy as np
import pytest

from clinicalbert_tf.texts.question_answering.answer_files import write_reference_files
from clinicalbert_tf.texts.question_answering.final_text import get_final_text
from clinicalbert_tf.texts.question_answering.prediction import AnswerSettings
from clinicalbert_tf.texts.question_answering.question import Answer, Question
from clinicalbert_tf.texts.question_answering.reference_answers import predict_reference
from clinicalbert_tf.texts.question_answering.reference_features import (
    ReferenceExample,
    ReferenceFeature,
    reference_example,
    reference_features,
)
from clinicalbert_tf.texts.question_answering.windows import WindowMaker, WindowSettings

RUNS = {
    "dev_v1_uncased": {},
    "dev_v2_cased": {"version_2": True},
    "dev_v1_uncased_n_best_5_max_answer_3": {"n_best_size": 5, "max_answer_length": 3},
    "dev_v2_cased_threshold_minus_4": {"version_2": True, "null_score_diff_threshold": -4.0},
    "dev_v2_cased_without_version_2": {},
}
# Errors of the original that are none here: it crashed for want of a candidate.
CRASHES = {
    "max_answer_length_0_version_2": "",
    "n_best_size_1_null_is_best_version_2": "",
    "no_feature_version_2": "",
}


def questions(content):
    for article in content["data"]:
        for paragraph in article["paragraphs"]:
            for qa in paragraph["qas"]:
                answers = tuple(Answer(a["text"], a["answer_start"]) for a in qa.get("answers", ()))
                yield Question(qa["id"], qa["question"], paragraph["context"], answers)


def predictions_of_run(name, golden, read_golden, tokenizers):
    part, version, casing = name.split("_")[:3]
    tokenizer = tokenizers[casing]
    settings = AnswerSettings(reference=True, **RUNS[name])
    maker = WindowMaker(tokenizer, WindowSettings(64, 24, 16))
    with np.load(golden / f"input/logits/{part}_{version}_{casing}.npz") as logits:
        rows = list(
            zip(logits["start_logits"].tolist(), logits["end_logits"].tolist(), strict=True)
        )
    first = 0
    for index, question in enumerate(questions(read_golden(f"input/{part}_{version}.json"))):
        encoded = maker.encode(question)
        made = list(reference_features(encoded, tokenizer, index))
        example = reference_example(question, is_training=False, version_2=settings.version_2)
        taken = rows[first : first + len(made)]
        first += len(made)
        yield predict_reference(example, made, taken, tokenizer, settings)
    assert first == len(rows)


@pytest.mark.parametrize("name", RUNS)
def test_files_equal_the_references(name, golden, read_golden, tokenizers, tmp_path):
    made = list(predictions_of_run(name, golden, read_golden, tokenizers))
    write_reference_files(str(tmp_path), made)
    kept = golden / "expected/predictions" / name
    for file in ("predictions.json", "null_odds.json", "nbest_predictions.json"):
        # Two of the variants have no n best file of their own, SQuAD 1.1 no null odds.
        if (kept / file).exists():
            assert (tmp_path / file).read_text() == (kept / file).read_text(), file
    assert (tmp_path / "null_odds.json").exists() == RUNS[name].get("version_2", False)
    assert (tmp_path / "predictions.json").stat().st_mode & 0o777 == 0o600


def test_small_inputs_give_the_references_answers(read_golden, tokenizers):
    cases = read_golden("cases/write_predictions_small.json")
    assert len(cases) == 26
    compared = 0
    for case in cases:
        results = {result["unique_id"]: result for result in case["results"]}
        if case["name"] == "result_missing":
            continue  # one (start, end) per window is what the function takes
        tokenizer = tokenizers["uncased" if case["do_lower_case"] else "cased"]
        settings = AnswerSettings(
            n_best_size=case["n_best_size"],
            max_answer_length=case["max_answer_length"],
            version_2=case["version_2_with_negative"],
            null_score_diff_threshold=case["null_score_diff_threshold"],
            reference=True,
        )
        made = {}
        for index, fields in enumerate(case["examples"]):
            windows = [feature(f) for f in case["features"] if f["example_index"] == index]
            logits = [
                (results[f.unique_id]["start_logits"], results[f.unique_id]["end_logits"])
                for f in windows
            ]
            example = ReferenceExample(fields["qas_id"], "", fields["doc_tokens"])
            made[example.qas_id] = predict_reference(example, windows, logits, tokenizer, settings)
        answers = {name: p.answer.text for name, p in made.items()}
        if "error" in case["expected"]:
            assert list(answers.values()) == [CRASHES[case["name"]]], case["name"]
            continue
        compared += 1
        assert answers == case["expected"]["predictions"], case["name"]
        for name, entries in case["expected"]["nbest_predictions"].items():
            assert len(entries) == len(made[name].n_best), case["name"]
            for entry, answer in zip(entries, made[name].n_best, strict=True):
                assert entry["text"] == answer.text
                assert (entry["start_logit"], entry["end_logit"]) == (
                    answer.start_logit,
                    answer.end_logit,
                )
                assert answer.probability == pytest.approx(entry["probability"], abs=1e-9)
        if "null_odds" in case["expected"]:
            odds = {name: p.null_odds for name, p in made.items()}
            assert odds == pytest.approx(case["expected"]["null_odds"], abs=1e-9)
    assert compared == 26 - 1 - len(CRASHES)


def feature(fields):
    return ReferenceFeature(
        unique_id=fields["unique_id"],
        example_index=fields["example_index"],
        doc_span_index=fields.get("doc_span_index", 0),
        tokens=fields["tokens"],
        token_to_orig_map={int(k): v for k, v in fields["token_to_orig_map"].items()},
        token_is_max_context={int(k): v for k, v in fields["token_is_max_context"].items()},
    )


def test_final_texts_equal_the_reference(read_golden, tokenizers):
    cases = read_golden("cases/get_final_text.json")
    assert len(cases) == 52
    for case in cases:
        tokenizer = tokenizers["uncased" if case["do_lower_case"] else "cased"]
        text = get_final_text(case["pred_text"], case["orig_text"], tokenizer)
        assert text == case["expected"], case


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
