"""Sentences by spaCy: the reference's two rules on a blank pipeline and on saved ones."""

import builtins
import importlib.util
import json
import os
import pickle
import subprocess
import sys

import hypothesis
import hypothesis.strategies as st
import pytest

from tests.support import ROOT
from tfrecords_builder import format_notes, schema, synthetic, tokenization
from tfrecords_builder.building import document_encoder, documents, pipeline
from tfrecords_builder.building.settings import BuilderSettings
from tfrecords_builder.text import sections, sentences, spacy_sentences

spacy = pytest.importorskip("spacy")
VOCABULARY = str(ROOT / "tests" / "golden" / "vocab" / "cased.txt")


@pytest.fixture(scope="module")
def blank():
    return sentences.splitter("spacy:blank")


@pytest.fixture
def bare_folder(tmp_path):
    """A saved pipeline whose only sentence boundaries are at semicolons."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer", config={"punct_chars": [";"]})
    nlp.meta["version"] = "7.8.9"
    nlp.to_disk(tmp_path / "semicolons")
    return str(tmp_path / "semicolons")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # The pipeline's own rules: these end a sentence whatever follows.
        ("no pain! none now. was well.", ["no pain!", "none now.", "was well."]),
        (
            "Vitals - T 98.6 BP 120/80 - stable now",
            ["Vitals -", "T 98.6 BP 120/80 -", "stable now"],
        ),
        ("x - - y well-known 3-4 days", ["x - -", "y well-known 3-4 days"]),
        ("Seen\nby  Dr\tSmith on\n\nMonday", ["Seen by Dr Smith on Monday"]),
    ],
)
def test_a_blank_pipeline_and_the_two_rules(blank, text, expected):
    assert blank([text]) == expected


def test_the_rules_add_to_the_boundaries_of_a_pipeline(bare_folder):
    split = spacy_sentences.SpacySentences(bare_folder)
    text = "one . two; three . Four five - six seven."
    assert split([text]) == ["one . two;", "three .", "Four five -", "six seven."]


def test_the_rules_pass_over_the_last_two_tokens_as_in_the_reference(bare_folder):
    split = spacy_sentences.SpacySentences(bare_folder)
    assert split(["Vitals - stable"]) == ["Vitals - stable"]
    assert split(["Vitals - stable now"]) == ["Vitals -", "stable now"]
    assert split(["Was well . Stopped"]) == ["Was well . Stopped"]
    assert split(["Was well . Stopped now"]) == ["Was well .", "Stopped now"]


@pytest.mark.parametrize(
    "span",
    ["[**Last Name. The (STitle) 55**]", "[** - x! Y **]", "[**Hospital\nWard. Two**]", "[** **]"],
)
def test_deidentified_spans_stay_whole(blank, span):
    whole = " ".join(span.split())
    assert blank([f"Seen by {span} today. The end came."]) == [
        f"Seen by {whole} today.",
        "The end came.",
    ]


def test_a_span_that_is_not_closed_is_no_span(blank):
    assert blank(["[**Name. The 5**. Seen [**Ward. Two**] today."]) == [
        "[**Name.",
        "The 5**.",
        "Seen [**Ward. Two**] today.",
    ]


def test_a_statistical_pipeline_keeps_the_rules_boundaries():
    nlp = spacy.blank("en")
    nlp.add_pipe("senter")
    nlp.initialize()
    text = "was seen . The wound of [**Name. The 5**] healed - well so far"
    document = spacy_sentences.SpacySentences("blank")._marked(text)
    found = [sentence.text for sentence in nlp(document).sents]
    assert any(sentence.startswith("The wound") for sentence in found)
    assert any(sentence.startswith("well") for sentence in found)


def test_a_pipeline_without_boundaries_gets_the_rules_of_spacy(tmp_path):
    spacy.blank("en").to_disk(tmp_path / "empty")
    split = spacy_sentences.SpacySentences(str(tmp_path / "empty"))
    assert split(["it ends. it begins."]) == ["it ends.", "it begins."]


def test_several_sections_and_none(blank):
    assert blank(["Plan:", " \n", "", "rest. drink."]) == ["Plan:", "rest.", "drink."]
    assert blank([]) == []


FRAGMENTS = (
    "The|pt.|.|. |-| - |--|end.|mg|[**2101-3-4**]|[**Name. The|**]|[**a\nb**]|!|?|\n|\n\n|\t|  "
    "|\u00a0|\u2028|\x1c|é.|Ω"
)
TEXTS = st.lists(st.sampled_from(FRAGMENTS.split("|")), max_size=25).map("".join)


@hypothesis.given(TEXTS)
@hypothesis.settings(max_examples=300, deadline=None)
def test_only_white_space_is_lost_and_every_sentence_is_one_line(text):
    found = sentences.splitter("spacy:blank")([text])
    assert "".join("".join(found).split()) == "".join(text.split())
    for sentence in found:
        assert sentence == " ".join(sentence.split()) != ""


def test_words_of_earlier_notes_are_forgotten(monkeypatch):
    monkeypatch.setattr(spacy_sentences, "ZONE_CHARACTERS", 1000)
    split = spacy_sentences.SpacySentences("blank")
    strings = split._nlp.vocab.strings
    sizes = []
    for number in range(60):
        split([" ".join(f"word{number}x{i}" for i in range(40))])
        sizes.append(len(strings))
    assert max(sizes[10:]) <= max(sizes[:10])
    assert max(sizes) > sizes[0]


def settings_for(folder, **changes):
    given = {"vocab_file": VOCABULARY, "num_shards": 2, "dupe_factor": 1, "synthetic_notes": 40}
    return BuilderSettings(str(folder), **given | changes)


def records_of(folder, manifest):
    return [(folder / shard["file"]).read_bytes() for shard in manifest.shards]


def test_a_build_uses_the_pipeline_in_every_worker_and_records_it(tmp_path, bare_folder):
    built = {}
    for workers in (1, 2):
        folder = tmp_path / f"records{workers}"
        settings = settings_for(folder, sentences=f"spacy:{bare_folder}", num_workers=workers)
        manifest = pipeline.build_records(settings)
        built[workers] = records_of(folder, manifest)
        assert manifest.settings["sentences"] == {
            "pipeline": bare_folder,
            "version": "7.8.9",
            "spacy": spacy.__version__,
        }
    assert built[1] == built[2]
    by_rules = pipeline.build_records(settings_for(tmp_path / "rules"))
    assert by_rules.settings["sentences"] == "rules"
    assert manifest.counts["notes"] == by_rules.counts["notes"]
    assert manifest.counts["characters"] == by_rules.counts["characters"]
    split = sentences.splitter(f"spacy:{bare_folder}")
    expected = sum(
        len(split(sections.split_sections(row["TEXT"])))
        for row in synthetic.generate_notes(40, settings.random_seed)
        if row["TEXT"] and not row["ISERROR"]
    )
    assert manifest.counts["sentences"] == expected != by_rules.counts["sentences"]


def test_an_unfinished_build_is_not_continued_with_other_sentences(tmp_path, monkeypatch):
    folder = tmp_path / "records"
    with monkeypatch.context() as patch:
        patch.setattr(
            pipeline, "build_shards", lambda *_: (_ for _ in ()).throw(OSError(28, "full"))
        )
        with pytest.raises(OSError, match="full"):
            pipeline.build_records(settings_for(folder))
    with pytest.raises(ValueError, match=r"settings\.sentences: rules there, .*blank.* now"):
        pipeline.build_records(settings_for(folder, sentences="spacy:blank"))


def test_a_note_on_which_the_pipeline_fails_is_counted_by_its_id(monkeypatch):
    def fails(parts):
        raise ValueError("secret")

    monkeypatch.setattr(sentences, "splitter", lambda name: fails)
    tokenizer = tokenization.BertTokenizer(VOCABULARY, False)
    settings = settings_for("out", sentences="spacy:blank")
    encoder = document_encoder.DocumentEncoder(settings, tokenizer)
    note = documents.TextDocument("0#5", "5", "secret text")
    encoded, counts = encoder.encode(documents.NoteBatch([note]))
    assert encoded == []
    assert counts.failed == [{"note_id": "5", "reason": "sentences=spacy:blank: ValueError"}]


def test_an_encoder_pickles_without_the_pipeline():
    tokenizer = tokenization.BertTokenizer(VOCABULARY, False)
    encoder = document_encoder.DocumentEncoder(
        settings_for("out", sentences="spacy:blank"), tokenizer
    )
    sentences.splitter("spacy:blank")
    assert len(pickle.dumps(encoder)) < 200_000


def test_sentence_files_by_a_pipeline(tmp_path):
    folder = tmp_path / "out"
    settings = format_notes.FormatSettings(str(folder), sentences="spacy:blank", synthetic_notes=30)
    counts = format_notes.format_notes(settings)
    report = json.loads((folder / "counts.json").read_text())
    assert report["settings"]["sentences"] == sentences.describe("spacy:blank")
    lines = [
        line for name in counts.written for line in (folder / name).read_text().split("\n") if line
    ]
    assert len(lines) == counts.sentences
    assert counts.content_kept == counts.content_read
    split = sentences.splitter("spacy:blank")
    first = next(row["TEXT"] for row in synthetic.generate_notes(1, seed=7))
    assert set(split(sections.split_sections(first))) <= set(lines)


@pytest.mark.parametrize("name", ["spacy", "spacy:", "spacy: ", "nltk", "Rules", ""])
def test_another_way_of_splitting_is_an_error(name):
    for make in (BuilderSettings, format_notes.FormatSettings):
        with pytest.raises(ValueError, match=r"rules, huang2019 or spacy:PIPELINE, received"):
            make("out", sentences=name)


@pytest.mark.parametrize("pipeline_name", ["no_such_pipeline", "../nowhere/at_all"])
def test_a_pipeline_that_is_not_there_is_named_before_anything_is_read(pipeline_name, tmp_path):
    message = rf"spacy:{pipeline_name}, received neither. Install it with pip"
    with pytest.raises(ValueError, match=message):
        pipeline.build_records(settings_for(tmp_path / "out", sentences=f"spacy:{pipeline_name}"))
    assert not list((tmp_path / "out").glob("part-*"))
    assert not (tmp_path / "out" / schema.MANIFEST_NAME).exists()
    with pytest.raises(ValueError, match=message):
        spacy_sentences.SpacySentences(pipeline_name)


def test_a_folder_that_spacy_cannot_load_is_named(tmp_path):
    (tmp_path / "meta.json").write_text('{"version": "1"}')
    with pytest.raises(ValueError, match=rf"spacy:{tmp_path}, received .*meta.json.*Install"):
        spacy_sentences.SpacySentences(str(tmp_path))


def test_without_spacy_the_extra_is_named(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "spacy" else find(name)
    )
    monkeypatch.delitem(sys.modules, "spacy", raising=False)
    monkeypatch.setattr(builtins, "__import__", _without_spacy(builtins.__import__))
    for find_out in (sentences.describe, spacy_sentences.SpacySentences):
        with pytest.raises(ImportError, match=r"clinicalbert_tf\[spacy\]"):
            find_out("spacy:blank")


def _without_spacy(import_):
    def imported(name, *rest, **options):
        assert name != "spacy", "imported although it is not there"
        return import_(name, *rest, **options)

    return imported


def test_command_names_a_missing_pipeline(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tfrecords_builder",
            "--sentences=spacy:en_none",
            "--output_dir=out",
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "--sentences=spacy:en_none" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "language, text",
    [
        ("de", "Der Patient klagt über Schmerzen.|Ist er allergisch?|Nein!"),
        ("es", "El paciente tiene dolor.|¿Tiene fiebre?|No tiene fiebre."),
        ("fr", "Le patient a mal.|A-t-il de la fièvre ?|Il n'en a pas."),
    ],
)
def test_a_blank_pipeline_of_another_language(language, text):
    split = sentences.splitter(f"spacy:blank:{language}")
    assert split([text.replace("|", " ")]) == text.split("|")
    described = sentences.describe(f"spacy:blank:{language}")
    assert (described["pipeline"], described["version"]) == (f"blank:{language}", spacy.__version__)


@pytest.mark.parametrize("language", ["", "german", "q", "../x", "zq"])
def test_an_unknown_language_is_refused(language):
    with pytest.raises(ValueError, match=r"a language that spaCy knows .* such as de, es or fr"):
        sentences.describe(f"spacy:blank:{language}")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
