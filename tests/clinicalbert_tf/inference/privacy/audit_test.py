import json

import numpy as np
import pytest

from clinicalbert_tf.inference.perplexity import Score
from clinicalbert_tf.inference.privacy import audit
from clinicalbert_tf.inference.privacy.audit import Auditor, AuditSettings
from clinicalbert_tf.inference.privacy.canaries import Canary, read_canaries
from clinicalbert_tf.texts.rows import Row

CANARY = Canary("c1", "The code of the patient is 4711-Ab.", "4711-Ab")


def test_candidates_have_the_form_of_the_secret():
    made = CANARY.candidates(50, seed=1)
    assert len(set(made)) == 50 and CANARY.text not in made
    for text in made:
        secret = text.removeprefix("The code of the patient is ").removesuffix(".")
        assert secret[:4].isdigit() and secret[4] == "-"
        assert secret[5].isupper() and secret[6].islower()
    assert made == CANARY.candidates(50, seed=1) != CANARY.candidates(50, seed=2)
    assert len(Canary("c", "code 7", "7").candidates(50, seed=1)) == 9


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "no json",
        '{"id": 1, "text": "a", "secret": "b"}',
        '{"id": 1, "text": "--", "secret": "--"}',
    ],
)
def test_what_is_no_canary_is_named_by_its_line(tmp_path, line):
    path = tmp_path / "canaries.jsonl"
    good = json.dumps({"id": "c1", "text": CANARY.text, "secret": CANARY.secret})
    path.write_text(f"\ufeff{good}\n\n", encoding="utf-8")
    assert read_canaries(str(path)) == [CANARY]
    path.write_text(f"{good}\n{line}\n")
    with pytest.raises(ValueError, match=r"line 2: expected") as raised:
        read_canaries(str(path))
    assert "code of" not in str(raised.value)


class Scorer:
    """Expects texts that hold a known word or secret."""

    def __init__(self, bert, settings):
        self.known = bert.known

    def score(self, rows):
        for row in rows:
            knows = any(text in row.text for text in self.known)
            noise = np.random.default_rng(len(row.note_id) + len(row.text)).normal()
            count = len(row.text.split())
            yield Score(row.note_id, count, count, count * (10.0 * knows - 20) + noise)


class Bert:
    class config:
        max_position_embeddings = 64

    def __init__(self, *known):
        self.known = known


@pytest.fixture
def auditor_of(monkeypatch):
    monkeypatch.setattr(audit, "PerplexityScorer", Scorer)
    return lambda *known: Auditor(Bert(*known), AuditSettings(candidates=63))


def test_known_canary_is_exposed_and_an_unknown_one_is_not(auditor_of):
    found = auditor_of("4711-Ab").canaries([CANARY])
    assert found["exposure"] == {"c1": 6.0}
    assert (found["max_exposure"], found["most_possible"]) == (6.0, 6.0)
    assert auditor_of("nothing").canaries([CANARY])["max_exposure"] < 6.0


def test_membership_tells_known_notes_from_others(auditor_of):
    members = [Row(str(n), f"member note {n}") for n in range(20)]
    others = [Row(str(n), f"another note {n}") for n in range(20)]
    found = auditor_of("member").membership(members, [*others, Row("empty", "")])
    assert found["auroc"] == 1.0 and found["interval_95"] == [1.0, 1.0]
    assert (found["members"], found["others"], found["without_words"]) == (20, 20, 1)
    assert auditor_of("nothing").membership(members, others)["auroc"] < 0.9


def test_the_builders_record_is_read_with_its_controls(tmp_path):
    rows = [
        {"name": "A B", "secret": "1 2", "repeats": 3, "sentence": "The code of A B is 1 2."},
        {"name": "C D", "secret": "3 4", "repeats": 0, "sentence": "The code of C D is 3 4."},
    ]
    path = tmp_path / "canaries.json"
    path.write_text(json.dumps({"canaries": rows}, indent=1))
    planted, control = read_canaries(str(path))
    assert (planted.text, planted.secret, planted.planted) == (rows[0]["sentence"], "1 2", True)
    assert not control.planted and "C D" not in control.canary_id


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
