import json

import pytest

from clinicalbert_tf.privacy_audit_command import audit
from tests import support

CHECKPOINT = support.GOLDEN / "tf1_checkpoint"
FLAGS = {
    **dict.fromkeys(("model", "baseline_model", "patients", "notes", "others", "canaries")),
    **{"max_patients": 500, "max_conditions": 50, "candidates": 7, "sample_tokens": 4},
    **{"max_seq_length": 64, "random_seed": 1, "json": True},
}


@pytest.mark.parametrize("given", [{"model": "m"}, {"patients": "p.csv"}, {"others": "o.jsonl"}])
def test_flags_that_say_too_little_are_refused(tmp_path, given):
    with pytest.raises(ValueError, match="Expected --model, and --patients"):
        audit({**FLAGS, "output_dir": str(tmp_path), **given})


def test_patients_are_probed_and_no_name_leaves(tmp_path):
    rows = ["first_name,last_name,conditions"]
    rows += [f"Zoe{n},Quixley{n},{'fever' if n % 2 else 'chest pain; fever'}" for n in range(12)]
    rows += [f"Uma{n},Vexford{n},chest pain" for n in range(12)]
    patients, notes = tmp_path / "p.csv", tmp_path / "n.jsonl"
    patients.write_text("\n".join(rows))
    texts = [f"Zoe{n} Quixley{n} came." for n in range(12)]
    # Digits are no part of a name: every patient of one family counts as named.
    notes.write_text("\n".join(json.dumps({"note_id": "1", "text": text}) for text in texts))
    given = {"model": str(CHECKPOINT), "patients": str(patients), "notes": str(notes)}
    out = tmp_path / "out"
    printed = audit({**FLAGS, "output_dir": str(out), **given})
    found = json.loads(printed)["model"]
    assert (found["patients"], found["probed_for_conditions"], found["conditions"]) == (24, 12, 2)
    assert found["membership"] is None and "--others" in found["reasons"]["membership"]
    assert 0 <= found["name_in_corpus"]["auroc"] <= 1
    for text in (printed, (out / "report.html").read_text(), (out / "audit.json").read_text()):
        assert "Quixley" not in text and "Vexford" not in text


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
