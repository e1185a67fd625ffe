"""Texts in a file: read back whole, also while more are added."""

import pytest

from clinicalbert_tf.datasets.classification.examples import Example
from clinicalbert_tf.datasets.classification.text_store import StoredExample, TextStore, stored


def test_texts_come_back_and_leave_no_name(tmp_path):
    store = TextStore(str(tmp_path))
    texts = ["first", "", "Größe\r\n", "\ud800 alone"]
    places = []
    for text in texts:
        places.append(store.add(text))
        assert store.read(places[0]) == "first"
    assert [store.read(place) for place in places] == texts
    assert list(tmp_path.iterdir()) == []


def test_stored_example_is_the_example_but_for_where_its_text_lies(tmp_path):
    store = TextStore(str(tmp_path))
    example = Example("7", "note", None, "1", "patient", 3)
    kept = stored(example, store).with_label("0")
    assert isinstance(kept, StoredExample) and "note" not in repr(kept)
    got = (kept.id, kept.text_a, kept.text_b, kept.label, kept.group, kept.line)
    assert got == ("7", "note", None, "0", "patient", 3)
    assert kept.with_text("other").text_a == "other" and kept.text_a == "note"
    pair = Example("8", "a", "b")
    assert stored(pair, store) is pair and stored(example, None) is example


def test_texts_of_an_example_are_joined(tmp_path):
    store = TextStore(str(tmp_path))
    places = [store.add(text) for text in ("a", "b", "c")]
    assert StoredExample("1", store, places[::-1], "\n").text_a == "c\nb\na"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
