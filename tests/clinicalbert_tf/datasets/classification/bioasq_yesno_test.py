import json

import pytest

from clinicalbert_tf.datasets.classification.catalogue import find_dataset
from clinicalbert_tf.datasets.classification.reading import read_dataset
from clinicalbert_tf.datasets.classification.settings import DataSettings


def question(name, kind="yesno", answer="yes"):
    snippets = [{"text": f"Snippet {n} of {name}.", "document": "d"} for n in (1, 2)]
    return {
        "id": name,
        "body": "Is it?",
        "type": kind,
        "snippets": snippets,
        "exact_answer": answer,
    }


def test_snippets_are_pairs_with_the_label_of_their_question(tmp_path):
    asked = [question("a", answer="Yes"), question("b", answer="no"), question("c", "factoid", "x")]
    (tmp_path / "train.json").write_text(json.dumps({"questions": asked}))
    (tmp_path / "test.json").write_text(json.dumps({"questions": [question("z")]}))
    data = read_dataset(find_dataset("bioasq_yesno"), DataSettings(data_dir=str(tmp_path)))
    assert data.labels == ("yes", "no") and data.is_pair
    made = [(e.id, e.text_a, e.text_b, e.label, e.group) for e in data.splits["train"].examples]
    assert made[0] == ("a_001", "Is it?", "Snippet 1 of a.", "yes", "a")
    assert [row[3] for row in made] == ["yes", "yes", "no", "no"]
    assert list(data.splits) == ["train", "test"]
    assert "2 contexts of other kinds" in data.splits["train"].notices[0]


def test_file_without_yes_or_no_names_the_other_command(tmp_path):
    asked = [question("c", "factoid", "x")]
    (tmp_path / "train.json").write_text(json.dumps({"questions": asked}))
    with pytest.raises(ValueError, match="run_squad"):
        read_dataset(find_dataset("bioasq_yesno"), DataSettings(data_dir=str(tmp_path)))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
