"""The tensorflow_datasets builders: tensorflow_datasets' own test, and the commands' examples."""

import importlib
import json
import pathlib
import tempfile
import zipfile

import pytest
import tensorflow_datasets as tfds

import clinicalbert_tf.datasets
from clinicalbert_tf.datasets.classification.catalogue import find_dataset
from clinicalbert_tf.datasets.classification.reading import read_dataset
from clinicalbert_tf.datasets.classification.settings import DataSettings

_SPLITS = {"train": "train", "dev": "validation", "test": "test"}


_LABELS = ("entailment", "contradiction", "neutral")
_TEXT = "He received aspirin for chest pain .\n"
_CONCEPTS = 'c="aspirin" 1:2 1:2||t="treatment"\nc="chest pain" 1:4 1:5||t="problem"\n'
_RELATIONS = 'c="aspirin" 1:2 1:2||r="TrAP"||c="chest pain" 1:4 1:5\n'


def _mednli(folder: pathlib.Path) -> None:
    for split, count in (("train", 6), ("dev", 3), ("test", 3)):
        rows = [
            {
                "pairID": f"{split}-{number}",
                "sentence1": f"{split}: fever on day {number // 3}.",
                "sentence2": f"{split}: statement {number}.",
                "gold_label": _LABELS[number % 3],
            }
            for number in range(count)
        ]
        (folder / f"mli_{split}_v1.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))


def _relations(header_of_train: bool, labels: tuple[str, ...]):
    def write(folder: pathlib.Path) -> None:
        for split, count in (("train", 4), ("dev", 2), ("test", 2)):
            rows = [
                (str(number), f"{split} @GENE$ {number} @DISEASE$ .", labels[number % len(labels)])
                for number in range(count)
            ]
            with_header = header_of_train or split == "test"
            lines = ["\t".join(row if with_header else row[1:]) for row in rows]
            header = ["index\tsentence\tlabel"] * with_header
            (folder / f"{split}.tsv").write_text("\n".join([*header, *lines]) + "\n")

    return write


def _i2b2(folder: pathlib.Path) -> None:
    standard = folder / "reference_standard_for_test_data"
    training = folder / "concept_assertion_relation_training_data" / "beth"
    for number in range(3):
        _document(training / "txt", training / "concept", training / "rel", f"record-{number}")
    _document(folder / "test_data", standard / "concepts", standard / "rel", "0001")


def _document(texts, concepts, relations, name: str) -> None:
    text = _TEXT.replace("received", f"received{name}")
    for inner, ending, content in (
        (texts, "txt", text),
        (concepts, "con", _CONCEPTS),
        (relations, "rel", _RELATIONS),
    ):
        inner.mkdir(parents=True, exist_ok=True)
        (inner / f"{name}.{ending}").write_text(content)


def _covid_question_pairs(folder: pathlib.Path) -> None:
    rows = [f'"What is {n // 2}, then?",What is {n}?,{n % 2}' for n in range(4)]
    lines = ["question_1,question_2,similar", *rows]
    (folder / "eval_question_similarity_en.csv").write_text("\n".join(lines) + "\n")


def _phee(folder: pathlib.Path) -> None:
    types = ("Adverse_event", "Potential_therapeutic_event")
    for split, count in (("train", 4), ("dev", 2), ("test", 2)):
        with open(folder / f"{split}.json", "w") as file:
            for number in range(count + 1):
                events = [{"event_type": types[number % 2]}] * 2
                # The last sentence is of both types and no example.
                events += [{"event_type": t} for t in types] if number == count else []
                line = {
                    "id": f"{split}_{number}",
                    "context": f"{split} sentence {number}.",
                    "annotations": [{"events": events}],
                }
                file.write(json.dumps(line) + "\n")


def _pubmedqa(folder: pathlib.Path) -> None:
    answers = ("yes", "no", "maybe")
    items = {
        str(1000 + number): {
            "QUESTION": f"Question {number}?",
            "CONTEXTS": [f"Fact {number}.", "Other."],
            "final_decision": answers[number % 3],
        }
        for number in range(106)
    }
    (folder / "ori_pqal.json").write_text(json.dumps(items))
    test = {pmid: item["final_decision"] for pmid, item in list(items.items())[:3]}
    (folder / "test_ground_truth.json").write_text(json.dumps(test))


# {data set: (writes its files into a folder, examples by tensorflow_datasets' split)}
RELEASES = {
    "mednli": (_mednli, {"train": 6, "validation": 3, "test": 3}),
    "gad": (_relations(False, ("0", "1")), {"train": 4, "validation": 2, "test": 2}),
    "gad_blurb": (_relations(True, ("0", "1")), {"train": 4, "validation": 2, "test": 2}),
    "chemprot": (_relations(False, ("cpr:3", "false")), {"train": 4, "validation": 2, "test": 2}),
    "i2b2_2010_relations": (_i2b2, {"train": 2, "validation": 1, "test": 1}),
    "covid_question_pairs": (_covid_question_pairs, {"train": 4}),
    "phee": (_phee, {"train": 4, "validation": 2, "test": 2}),
    "pubmedqa": (_pubmedqa, {"train": 3, "validation": 100, "test": 3}),
}


def write_release(name: str, folder: pathlib.Path) -> str:
    """Writes the invented files of a data set; returns the folder's path."""
    folder.mkdir(parents=True, exist_ok=True)
    RELEASES[name][0](folder)
    return str(folder)


class _BuilderTest(tfds.testing.DatasetBuilderTestCase):
    """tensorflow_datasets' own test of one builder, on invented files."""

    SKIP_TF1_GRAPH_MODE = True

    @classmethod
    def setUpClass(cls):
        cls._folder = tempfile.TemporaryDirectory()
        write_release(cls.NAME, pathlib.Path(cls._folder.name))
        cls.EXAMPLE_DIR = cls._folder.name
        module = importlib.import_module(
            f"clinicalbert_tf.datasets.{cls.NAME}.{cls.NAME}_dataset_builder"
        )
        cls.DATASET_CLASS = module.Builder
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls._folder.cleanup()


for _name, (_, _counts) in RELEASES.items():
    _class = f"{_name.title().replace('_', '')}BuilderTest"
    globals()[_class] = type(_class, (_BuilderTest,), {"NAME": _name, "SPLITS": _counts})
del _BuilderTest


def test_every_data_set_is_tested():
    # Readmission is made of tables and tested beside them; entities have tfds_entities_test.
    entities = {"i2b2_2006", "i2b2_2010", "i2b2_2012", "i2b2_2014", "ncbi_disease", "bc5cdr"}
    others = {*entities, "conll_entities", "readmission"}
    assert {*RELEASES, *others} == set(clinicalbert_tf.datasets.TFDS_DATASETS)


@pytest.mark.parametrize("name", ["mednli", "i2b2_2010_relations", "covid_question_pairs"])
def test_load_gives_the_commands_examples_in_their_order(tmp_path, name):
    folder = write_release(name, tmp_path / "downloads" / "manual" / name)
    loaded = tfds.load(name, data_dir=str(tmp_path))
    data = read_dataset(find_dataset(name), DataSettings(data_dir=folder))
    assert set(loaded) == {_SPLITS[split] for split in data.splits}
    for split, read in data.splits.items():
        rows = list(tfds.as_numpy(loaded[_SPLITS[split]]))
        assert [row["id"].decode() for row in rows] == [e.id for e in read.examples]
        assert [row["text_a"].decode() for row in rows] == [e.text_a for e in read.examples]
        assert [data.labels[row["label"]] for row in rows] == [e.label for e in read.examples]
        if find_dataset(name).is_pair:
            assert [row["text_b"].decode() for row in rows] == [e.text_b for e in read.examples]


def test_load_from_the_data_folder_itself_and_from_an_archive(tmp_path):
    write_release("mednli", tmp_path / "plain")
    with zipfile.ZipFile(tmp_path / "mednli-1.0.0.zip", "w") as archive:
        for path in (tmp_path / "plain").iterdir():
            archive.write(path, f"a-long-name/{path.name}")
            path.unlink()
    loaded = tfds.load("mednli", split="train", data_dir=str(tmp_path))
    assert [row["id"].decode() for row in tfds.as_numpy(loaded)] == [f"train-{n}" for n in range(6)]


def test_missing_files_say_how_to_get_them(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"physionet\.org"):
        tfds.load("mednli", data_dir=str(tmp_path))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
