import json
import os

import numpy as np
import pytest

from clinicalbert_tf.inference.loading import model_digest
from clinicalbert_tf.inference.search import index_files, indexing
from clinicalbert_tf.inference.search.encoder import ChunkEncoder
from clinicalbert_tf.inference.search.indexing import build_index
from clinicalbert_tf.inference.search.search_index import SearchIndex, check_model
from clinicalbert_tf.inference.search.settings import EncoderSettings, IndexSettings
from clinicalbert_tf.texts.rows import RowSource, read_rows
from tests import support

LONG = "Seen today, stable. " + " ".join(
    f"On day {day} the dose was {3 * day}." for day in range(9)
)
# (id, patient, category, text)
NOTES = (
    ("007", "1", "Nursing", "The patient was seen today."),
    ("NA", "2", "Radiology", "No chest pain."),
    ("null", "1", "Nursing", "  \n"),
    ("1e5", "3", "Nursing", "The patient  was seen today.\n"),
    ("long", "2", "Discharge summary", LONG),
    ("é", "3", "Radiology", "No fever, no chest pain."),
)
ENCODER = EncoderSettings("mean", 16)


@pytest.fixture(scope="module")
def bert():

    import clinicalbert_tf

    golden = support.GOLDEN / "tf1_checkpoint"
    return clinicalbert_tf.from_pretrained(str(golden))


def source_of(folder, notes=NOTES):
    path = folder / "notes.jsonl"
    names = ("note_id", "subject_id", "category", "text")
    lines = [json.dumps(dict(zip(names, note, strict=True))) for note in notes]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return RowSource(str(path))


def make(folder, bert, name="index", notes=NOTES, rows=None, **changes):
    source = source_of(folder, notes)
    settings = IndexSettings(source, str(folder / name), ENCODER, **changes)
    return build_index(settings, bert, rows or read_rows(source, None), "CHECKPOINT")


@pytest.fixture(scope="module")
def index_folder(tmp_path_factory, bert):
    folder = tmp_path_factory.mktemp("search")
    make(folder, bert)
    return folder / "index"


@pytest.fixture(scope="module")
def vector(bert):
    encoder = ChunkEncoder(bert, ENCODER)
    return encoder.encode_query


def test_empty_notes_are_counted_and_equal_texts_kept_once(index_folder):
    described = SearchIndex(str(index_folder)).described
    assert (described["notes"], described["empty_notes"]) == (5, 1)
    assert described["chunks"] == described["vectors"] + 1
    assert described["size"] == 48
    assert (described["pooling"], described["max_seq_length"]) == ("mean", 16)


def test_a_text_finds_itself_and_equal_texts_score_equally(index_folder, vector):
    hits = SearchIndex(str(index_folder)).search(vector("The patient was seen today."), 3)
    assert [hit.note_id for hit in hits[:2]] == ["007", "1e5"]
    assert hits[0].score == hits[1].score == pytest.approx(1, abs=1e-6)
    assert (hits[0].start, hits[0].end) == (0, 27)
    assert (hits[1].start, hits[1].end) == (0, 28)
    assert -1 <= hits[2].score < hits[1].score
    assert hits[0].text is None


def test_all_chunks_are_found_with_the_cosines_of_the_plain_way(index_folder, vector, bert):
    query = vector("chest pain")
    hits = SearchIndex(str(index_folder)).search(query, 1000)
    texts = {note_id: text for note_id, _, _, text in NOTES}
    assert "null" not in {hit.note_id for hit in hits}
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    for hit in hits:
        again = vector(texts[hit.note_id][hit.start : hit.end])
        assert hit.score == pytest.approx(float(query @ again), abs=1e-5)


def test_mean_is_that_of_all_tokens_with_cls_and_sep(bert):
    encoder = ChunkEncoder(bert, ENCODER)
    ids = [bert.tokenizer.cls_id, *bert.tokenizer.encode("No chest pain."), bert.tokenizer.sep_id]
    tokens = np.array([ids], np.int32)
    inputs = {"token_ids": tokens, "segment_ids": tokens * 0, "padding_mask": tokens * 0 + 1}
    hidden = bert.backbone(inputs, training=False)["sequence_output"].numpy()[0]
    expected = hidden.mean(0) / np.linalg.norm(hidden.mean(0))
    np.testing.assert_allclose(encoder.encode_query("No chest pain."), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"patients": ["1"]}, {"007"}),
        ({"patients": ["1", "3"]}, {"007", "1e5", "é"}),
        ({"categories": ["Radiology"]}, {"NA", "é"}),
        ({"patients": ["3"], "categories": ["Radiology"]}, {"é"}),
        ({"patients": ["unknown"]}, set()),
        ({"categories": ["radiology"]}, set()),
    ],
)
def test_filters_leave_only_their_notes(index_folder, vector, filters, expected):
    hits = SearchIndex(str(index_folder)).search(vector("pain"), 100, **filters)
    assert {hit.note_id for hit in hits} == expected


def test_per_note_gives_the_best_chunk_of_each(index_folder, vector):
    index = SearchIndex(str(index_folder))
    query = vector("stable")
    every, best = index.search(query, 1000), index.search(query, 1000, per_note=True)
    assert len(best) == 5 < len(every)
    first = {}
    for hit in every:
        first.setdefault(hit.note_id, hit)
    assert best == list(first.values())


def test_text_is_stored_only_if_asked_for_and_files_are_private(tmp_path, bert, vector):
    make(tmp_path, bert)
    for path in (tmp_path / "index").iterdir():
        assert oct(path.stat().st_mode & 0o777) == "0o600", path.name
        for word in (b"patient was", b"chest pain"):
            assert word not in path.read_bytes(), path.name
    assert oct((tmp_path / "index").stat().st_mode & 0o777) == "0o700"
    make(tmp_path, bert, "with_text", store_text=True)
    hit = SearchIndex(str(tmp_path / "with_text")).search(vector("No chest pain."), 1)[0]
    assert (hit.note_id, hit.text) == ("NA", "No chest pain.")
    assert sorted(os.listdir(tmp_path)) == ["index", "notes.jsonl", "with_text"]


def test_a_killed_run_resumes_to_the_same_index(tmp_path, bert, monkeypatch):
    monkeypatch.setattr(indexing, "BLOCK_TOKENS", 20)
    make(tmp_path, bert, "whole")

    def stopped():
        for number, row in enumerate(read_rows(source_of(tmp_path), None)):
            if number == 4:
                raise KeyboardInterrupt
            yield row

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, bert, rows=stopped())
    assert not (tmp_path / "index").exists()
    seen = []

    def counted(*arguments):
        seen.append(len(arguments[1]))
        return write_part(*arguments)

    write_part = index_files.write_part
    monkeypatch.setattr(indexing, "write_part", counted)
    make(tmp_path, bert)
    assert 0 < sum(seen) < len(NOTES)
    for path in (tmp_path / "whole").iterdir():
        assert path.read_bytes() == (tmp_path / "index" / path.name).read_bytes(), path.name


def test_an_index_and_other_folders_are_not_replaced_unasked(tmp_path, bert):
    make(tmp_path, bert)
    with pytest.raises(FileExistsError, match="--overwrite to replace it"):
        make(tmp_path, bert)
    assert make(tmp_path, bert, overwrite=True, notes=NOTES[:2])["notes"] == 2
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="holds something else"):
        make(tmp_path, bert, "mine", overwrite=True)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "mine"


def test_notes_without_a_word_are_no_index(tmp_path, bert):
    with pytest.raises(ValueError, match=r"a note with a word .* received 2 without"):
        make(tmp_path, bert, notes=[("1", "1", "a", ""), ("2", "1", "a", " ")])
    assert not (tmp_path / "index").exists()


def test_usearch_finds_what_exact_search_finds(tmp_path, bert, vector, index_folder):
    pytest.importorskip("usearch")
    make(tmp_path, bert, engine="usearch")
    approximate, exact = SearchIndex(str(tmp_path / "index")), SearchIndex(str(index_folder))
    mode = (tmp_path / "index" / index_files.APPROXIMATE_NAME).stat().st_mode
    assert oct(mode & 0o777) == "0o600"
    for text in ("chest pain", "The patient was seen today.", "stable"):
        for changes in ({}, {"per_note": True}, {"categories": ["Radiology"]}):
            expected = exact.search(vector(text), 3, **changes)
            found = approximate.search(vector(text), 3, **changes)
            assert [hit.note_id for hit in found] == [hit.note_id for hit in expected]
            assert [hit.score for hit in found] == pytest.approx(
                [hit.score for hit in expected], abs=1e-6
            )


def test_another_model_is_refused(index_folder, bert):
    described = SearchIndex(str(index_folder)).described
    check_model(described, model_digest(bert), "CHECKPOINT")
    with pytest.raises(ValueError, match="other weights"):
        check_model(described, "0" * 64, "OTHER")


def test_a_query_without_a_word_and_a_folder_without_an_index_are_refused(vector, tmp_path):
    with pytest.raises(ValueError, match="a query with a word, received 3 characters"):
        vector(" \n ")
    with pytest.raises(FileNotFoundError, match="search index --input_file"):
        SearchIndex(str(tmp_path))


@pytest.mark.parametrize(
    ("changes", "match"),
    [({"engine": "faiss"}, "engine"), ({"stride": 15}, "1 to 14"), ({"stride": 0}, "1 to 14")],
)
def test_settings_that_do_not_fit_are_refused(tmp_path, changes, match):
    with pytest.raises(ValueError, match=match):
        IndexSettings(RowSource("notes.csv"), str(tmp_path), ENCODER, **changes)
    with pytest.raises(ValueError, match="pooling"):
        EncoderSettings("median")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
