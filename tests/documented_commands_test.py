"""Every command line and Python block of README and docs, run as they stand, with smaller runs.

The pages speak of files that a reader has: here they are invented ones. What a reader replaces
(MODEL, RUN, ...) is replaced, `...` is dropped, and FASTER is added behind the flags, so that
training takes a few steps. What needs hardware or a cluster that is not here is named in NOT_RUN.
Pages whose commands train several models run with `make docs`; the others in every test run.
"""

import csv
import dataclasses
import gzip
import json
import re
import shlex
import shutil
import tarfile

import pytest

from clinicalbert_tf.checkpoints.writers.tf1_checkpoint import write_tf1_checkpoint
from clinicalbert_tf.modeling import build_pretraining_model
from tests import processes, support
from tests.support import GOLDEN, ROOT

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *sorted((DOCS / "extend").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.S | re.M)
SHELLS = ("", "sh", "bash", "shell", "console")
COMMAND = re.compile(r"^(?:\$ )?python -m (?P<module>(?:clinicalbert_tf|tfrecords_builder)[\w.]*)")
# Line, or its beginning -> why it is not run here.
NOT_RUN = {
    "python -m clinicalbert_tf.pretrain --strategy=tpu": "no TPU",
    "python -m clinicalbert_tf.pretrain --strategy=multi_worker": "in SLURM's batch script",
    "python -m clinicalbert_tf.launch": "run by tests/clinicalbert_tf/launch_test.py",
    "python -m clinicalbert_tf.distill --teacher runs/squad --output_dir runs/narrow": (
        "run by tests/clinicalbert_tf/tasks/distillation/task_test.py"
    ),
    "python -m tfrecords_builder --runner=spark": "run by tests/tfrecords_builder/spark_test.py",
    "python -m tfrecords_builder --runner=beam": "run by tests/tfrecords_builder/beam_test.py",
}
# The same for whole lines.
NOT_RUN_ALONE = {
    "python -m clinicalbert_tf.privacy_audit": "trains two models for minutes",
}
TRAIN_SEVERAL = {
    *("attention", "classification", "distillation", "features", "pretraining", "privacy"),
    *("question_answering", "readmission", "scale"),
}
REPLACED = {
    "RUN_OR_CHECKPOINT": "biobert", "RUN": "runs/notes_labelled", "CHECKPOINT": "biobert",
    "MODEL": "biobert", "PATH": "biobert", "SOURCE": "biobert", "TARGET": "converted",
    "M": "biobert", "B": "biobert", "SECRET": "4711", "TRAINED.jsonl": "notes.jsonl",
    "HELD_OUT.jsonl": "others.jsonl", "QUESTIONS.json": "dev-v2.0.json",
    "bert_pretrain_output_all_notes_150000": "biobert", "0,2,4": "0", "1,3,5": "1",
}  # fmt: skip
TRAINING = ["--num_train_steps=2", "--train_batch_size=4", "--peak_tflops=1"]
TASK = [*TRAINING, "--max_seq_length=64", "--bootstrap=20"]
FASTER = {
    "clinicalbert_tf.pretrain": [*TRAINING, "--num_warmup_steps=1", "--max_eval_steps=2"],
    "clinicalbert_tf.run_classifier": TASK,
    "clinicalbert_tf.run_i2b2": TASK,
    "clinicalbert_tf.run_readmission": TASK,
    "clinicalbert_tf.run_squad": [*TRAINING, "--max_seq_length=64", "--max_query_length=16"],
    "clinicalbert_tf.distill": TRAINING,
    "tfrecords_builder.synthetic": ["--notes=800"],
    "tfrecords_builder": ["--dupe_factor=1"],
}
SQUAD = [
    *("--train_file=train-v2.0.json", "--predict_file=dev-v2.0.json", "--dev_proportion=0.2"),
    *("--init_checkpoint=biobert", "--version_2_with_negative", "--output_dir=runs/squad"),
]
LABELLED = [
    *("--task_name=csv", "--train_file=labelled.csv", "--problem_type=single", "--id=id"),
    *("--do_split=0.6,0.2,0.2", "--init_checkpoint=biobert", "--output_dir=runs/notes_labelled"),
]
# What an earlier page, or the reader, has made before.
BEFORE = {
    "attention": [("clinicalbert_tf.run_classifier", LABELLED)],
    "distillation": [("clinicalbert_tf.run_squad", SQUAD), ("tfrecords_builder", ["RECORDS"])],
    "features": [("clinicalbert_tf.pretrain", ["PRETRAIN"]), ("tfrecords_builder", ["RECORDS"])],
    "pretraining": [("tfrecords_builder", ["RECORDS", "--output_dir=held_out_records"])],
    "privacy": [("tfrecords_builder", ["RECORDS", "--canaries=2"])],
    "scale": [("tfrecords_builder", ["RECORDS"])],
}
# Page -> the pages whose Python blocks run behind its commands, if not its own alone.
PYTHON_OF = {"README": ("README", "checkpoints", "classification")}
PYTHON_OF |= dict.fromkeys(PYTHON_OF["README"][1:], ())
# What a block takes as given.
PYTHON_BEFORE = {
    "checkpoints": "import clinicalbert_tf",
    "notes": "text = 'Medications:\\naspirin daily\\n'",
}
MADE = {
    "RECORDS": ["--input=NOTEEVENTS.csv.gz", "--vocab_file=vocab.txt", "--output_dir=records"],
    "PRETRAIN": ["--input_file=records", "--init_checkpoint=biobert", "--output_dir=runs/notes"],
}


def commands(page):
    """(module, arguments) of the page's command lines, in order."""
    found = []
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    for block in (content for language, content in blocks if language in SHELLS):
        for line in block.replace("\\\n", " ").splitlines():
            line = " ".join(line.split())
            if not (match := COMMAND.match(line)) or any(map(line.startswith, NOT_RUN)):
                continue
            if line.partition(" #")[0] in NOT_RUN_ALONE:
                continue
            words = shlex.split(line.split(" | ")[0][match.end() :], comments=True)
            found.append((match["module"], [_as_here(word) for word in words if word != "..."]))
    return found


def python_blocks(page):
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [content for language, content in blocks if language == "python"]


def _as_here(word):
    flag, equals, value = word.rpartition("=")
    return flag + equals + REPLACED.get(value, value)


def notes(prefix, count=12):
    """Texts with what the examples look for."""
    drugs = ("apixaban", "aspirin", "insulin")
    return [
        f"{prefix}{n} Allergies: sulfa. Chief Complaint: chest pain on day {n}.\n\n"
        f"He was started on {drugs[n % 3]}. Seen by Dr. Ruiz on 2151-07-{n + 10}.\n\n"
        f"Medications:\n{drugs[n % 3]} daily\n"
        for n in range(count)
    ]


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_table(path, rows):
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)


def write_mimic(folder, admissions=40):
    """Tables of admissions of two days, a note in each; every fourth patient dies."""
    folder.mkdir()
    stays = [
        {"SUBJECT_ID": n, "HADM_ID": n + 1000, "ADMITTIME": "2150-01-01 08:00:00",
         "DISCHTIME": "2150-01-09 08:00:00", "DEATHTIME": "", "ADMISSION_TYPE": "EMERGENCY",
         "HOSPITAL_EXPIRE_FLAG": int(n % 4 == 0)}
        for n in range(admissions)
    ]  # fmt: skip
    written = [
        {"ROW_ID": n, "SUBJECT_ID": n, "HADM_ID": n + 1000, "CHARTDATE": "2150-01-01",
         "CHARTTIME": "2150-01-01 10:00:00", "STORETIME": "2150-01-01 10:05:00",
         "CATEGORY": "Nursing", "DESCRIPTION": "Report", "CGID": "", "ISERROR": "", "TEXT": text}
        for n, text in enumerate(notes("m", admissions))
    ]  # fmt: skip
    write_table(folder / "ADMISSIONS.csv", stays)
    write_table(folder / "NOTEEVENTS.csv", written)


def questions(prefix):
    """SQuAD 2.0 with a question that has an answer and one that has none for each note."""
    articles = []
    for n, text in enumerate(notes(prefix)):
        answer = text.split("started on ")[1].split(".")[0]
        place = {"text": answer, "answer_start": text.index(answer)}
        asked = {"question": "Which drug was started?", "answers": [place], "is_impossible": False}
        never = {"question": "Who called?", "answers": [], "is_impossible": True}
        asked["id"], never["id"] = f"{prefix}{n}a", f"{prefix}{n}b"
        articles.append({"title": f"{n}", "paragraphs": [{"context": text, "qas": [asked, never]}]})
    return json.dumps({"version": "v2.0", "data": articles})


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder of what the pages speak of."""
    folder = tmp_path_factory.mktemp("files")
    config = support.small_config(num_hidden_layers=2)
    write_tf1_checkpoint(build_pretraining_model(config), folder / "biobert" / "model.ckpt-150000")
    config.write(str(folder / "biobert" / "bert_config.json"))
    dataclasses.replace(config, num_hidden_layers=1).write(str(folder / "small.json"))
    for place in (folder, folder / "biobert"):
        shutil.copy(GOLDEN / "tf1_checkpoint" / "vocab.txt", place)
    with gzip.open(folder / "NOTEEVENTS.csv.gz", "wb") as file:
        file.write((GOLDEN / "notes" / "NOTEEVENTS.csv").read_bytes())
    rows = [
        {"note_id": str(n), "id": str(n), "text": text} for n, text in enumerate(notes("n", 18))
    ]
    write_lines(folder / "notes.jsonl", rows)
    write_lines(folder / "others.jsonl", [{"note_id": t, "text": t} for t in notes("o")])
    (folder / "mednli").mkdir()
    for split, count in (("train", 12), ("dev", 4), ("test", 4)):
        pairs = [
            {"pairID": f"{split}{n}", "sentence1": text, "sentence2": f"He is well {n}.",
             "gold_label": ("entailment", "contradiction", "neutral")[n % 3]}
            for n, text in enumerate(notes(split, count))
        ]  # fmt: skip
        write_lines(folder / "mednli" / f"mli_{split}_v1.jsonl", pairs)
    table = [
        {"id": n, "text": text, "label": "yn"[n % 2], "patient": n // 2}
        for n, text in enumerate(notes("t", 40))
    ]
    write_table(folder / "labelled.csv", table)
    write_table(folder / "notes.csv", table)
    write_table(folder / "notes.csv.gz", table)
    (folder / "old.csv").write_text("text;label\nna\xefve;0\n", encoding="cp1252")
    new = [
        {"id": n, "text": t, "premise": t, "hypothesis": "He is well."}
        for n, t in enumerate(notes("new"))
    ]
    write_table(folder / "new.csv", new)
    (folder / "train-v2.0.json").write_text(questions("q"), encoding="utf-8")
    (folder / "dev-v2.0.json").write_text(questions("d"), encoding="utf-8")
    shutil.copytree(GOLDEN / "i2b2_raw" / "input" / "i2b2_2010" / "raw", folder / "RAW")
    manual = folder / "DATA_DIR" / "downloads" / "manual"
    shutil.copytree(folder / "RAW", manual)
    shutil.copytree(folder / "mednli", manual, dirs_exist_ok=True)
    with tarfile.open(folder / "pretrained_bert_tf.tar.gz", "w:gz") as archive:
        for name in ("biobert_pretrain_output_all_notes_150000", "bert_pretrain_output_all_notes"):
            archive.add(folder / "biobert", f"pretrained_bert_tf/{name}")
    write_mimic(folder / "mimic")
    people = [
        {"first_name": f"Ada{n}", "last_name": f"Nor{n}", "gender": "FM"[n % 2],
         "conditions": ("asthma; gout", "anemia")[n % 2], "mentions": n % 3}
        for n in range(16)
    ]  # fmt: skip
    write_table(folder / "PATIENTS.csv", people)
    return folder


def check(folder, module, arguments):
    words = ["-m", module, *arguments, *FASTER.get(module, [])]
    done = processes.run(words, cwd=folder)
    assert done.returncode == 0, (module, arguments, done.stdout[-2000:], done.stderr[-4000:])


def test_no_python_block_is_missed():
    with_blocks = {page.stem for page in PAGES if python_blocks(page)}
    run = {stem for page in PAGES for stem in PYTHON_OF.get(page.stem, (page.stem,))}
    assert with_blocks <= run and len(with_blocks) > 8


def test_no_command_line_is_missed():
    for page in PAGES:
        lines = re.findall(r"^(?:\$ )?python -m .*", page.read_text("utf-8"), re.M)
        known = [line for line in lines if any(map(line.startswith, (*NOT_RUN, *NOT_RUN_ALONE)))]
        assert len(lines) - len(known) <= len(commands(page)), page


def _parameters():
    for page in PAGES:
        if not commands(page) and not PYTHON_OF.get(page.stem, python_blocks(page)):
            continue
        marks = pytest.mark.documentation if page.stem in TRAIN_SEVERAL else ()
        yield pytest.param(page, id=page.stem, marks=marks)


@pytest.mark.large
@pytest.mark.parametrize("page", _parameters())
def test_commands_of_the_page_run(page, files, tmp_path):
    folder = tmp_path / "here"
    if page.stem == "tutorial":
        # It makes everything itself except for one file, which it shows.
        folder.mkdir()
        (config,) = re.findall(r"^```json\n(.*?)^```", page.read_text("utf-8"), re.S | re.M)
        (folder / "bert_config.json").write_text(config, encoding="utf-8")
    else:
        shutil.copytree(files, folder)
    (folder / "tests").symlink_to(ROOT / "tests")
    for module, arguments in reversed(BEFORE.get(page.stem, [])):
        made = [word for argument in arguments for word in MADE.get(argument, [argument])]
        check(folder, module, made)
    for module, arguments in commands(page):
        check(folder, module, arguments)
    for stem in PYTHON_OF.get(page.stem, (page.stem,)):
        (shown,) = (other for other in PAGES if other.stem == stem)
        for block in python_blocks(shown):
            done = processes.run(["-c", f"{PYTHON_BEFORE.get(stem, '')}\n{block}"], cwd=folder)
            assert done.returncode == 0, (stem, block, done.stderr[-4000:])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
