"""The embedded default of privacy_audit: invented patients, notes about half of them, two models.

No patient stands behind any of them. The first model was trained on notes about other people, the
second was then trained on the notes about the patients, often enough to remember them.
"""

import itertools
import json
import os
import random
import sys

from clinicalbert_tf.embedded_model import learn_vocabulary, write_model
from tfrecords_builder import schema
from tfrecords_builder.files import make_private_folder, write_private

_FIRST_NAMES = {
    "F": "Ada Bella Clara Dora Edith Freda Greta Hilda Irma Julia Karin Lydia Mona Nora Olga Petra",
    "M": "Adam Bruno Carl David Emil Felix Georg Hugo Ivan Jonas Karl Leo Max Noah Otto Paul",
}
_LAST_NAMES = """Albers Bremer Castle Denby Elmer Farrow Garner Hadley Ingram Jarvis Kendrick Lowell
    Marlow Norwood Osborn Prescott Quimby Ransom Selby Thorpe Underhill Vance Weller Yardley Ashby
    Barlow Crosby Dalton Everly Foster Granger Holden"""
_CONDITIONS = """asthma diabetes hypertension pneumonia epilepsy anemia gout psoriasis sepsis
    migraine glaucoma hepatitis scoliosis eczema angina cirrhosis"""
_SENTENCES = (
    "{title} {name} is a yo patient with {condition}.",
    "{title} {name} was seen for {condition}.",
    "{name} has {condition} and takes tablets.",
    "Plan for {name}: treat {condition}.",
)
_PATIENTS = 96
_ROWS = 400
# On notes about other people, and on those about the patients: enough to remember some of them.
_STEPS = {"before": 600, "model": 2000}
_CONDITIONS_EACH = 3
_RUN = {
    "train_batch_size": 32,
    "learning_rate": 3e-3,
    "num_warmup_steps": 60,
    "save_checkpoints_steps": 5000,
    "report": False,
    "do_eval": False,
}


def prepare(output_dir: str) -> dict[str, str]:
    """Makes patients, notes and models, unless they are there.

    Args:
        output_dir: the audit's output folder.

    Returns:
        Flags of privacy_audit by name: "model", "baseline_model", "patients", "notes", "others".
    """
    folder = make_private_folder(os.path.join(output_dir, "data"))
    print(
        f"No data flags: using the embedded default, {_PATIENTS} invented patients and tiny BERTs "
        f"trained before and on invented notes about half of them, in {folder}.",
        file=sys.stderr,
        flush=True,
    )
    people = _people()
    named, unnamed, others = people[:48], people[48:_PATIENTS], people[_PATIENTS:]
    notes = {"notes": _notes(named, 1), "others": _notes(unnamed, 2), "before": _notes(others, 3)}
    paths = {name: os.path.join(folder, f"{name}.jsonl") for name in (*notes, "patients")}
    for name, texts in notes.items():
        _write_lines(paths[name], [{"note_id": str(n), "text": t} for n, t in enumerate(texts)])
    _write_lines(paths["patients"], people[:_PATIENTS])
    words = " ".join([_LAST_NAMES, _CONDITIONS, *_FIRST_NAMES.values()]).split()
    learn_vocabulary(folder, [*itertools.chain(*notes.values()), *words], _ROWS)
    files = write_model(folder)
    before = _train(folder, "before", paths["before"], files)
    model = _train(folder, "model", paths["notes"], files, before)
    return {
        "model": model,
        "baseline_model": before,
        **{name: paths[name] for name in ("patients", "notes", "others")},
    }


def _people() -> list[dict]:
    """Twice as many people as patients, no two of one name."""
    rng = random.Random(7)
    names = [
        (gender, first, last)
        for gender, firsts in _FIRST_NAMES.items()
        for first, last in itertools.product(firsts.split(), _LAST_NAMES.split())
    ]
    return [
        {
            "first_name": first,
            "last_name": last,
            "gender": gender,
            "conditions": rng.sample(_CONDITIONS.split(), _CONDITIONS_EACH),
        }
        for gender, first, last in rng.sample(names, 2 * _PATIENTS)
    ]


def _notes(people: list[dict], seed: int) -> list[str]:
    """Two notes about each of the people, with all sentences about all of the conditions."""
    rng = random.Random(seed)
    texts = []
    for person in people:
        name = f"{person['first_name']} {person['last_name']}"
        title = "Mr" if person["gender"] == "M" else "Mrs"
        for _ in range(2):
            sentences = [
                sentence.format(title=title, name=name, condition=condition)
                for condition in person["conditions"]
                for sentence in _SENTENCES
            ]
            rng.shuffle(sentences)
            texts.append(" ".join(sentences))
    return texts


def _write_lines(path: str, rows: list[dict]) -> None:
    write_private(path, "".join(json.dumps(row) + "\n" for row in rows))


def _train(
    folder: str, name: str, notes: str, files: dict[str, str], start: str | None = None
) -> str:
    """Pretrains on notes, from a folder's checkpoint or from scratch; returns the run's folder."""
    from clinicalbert_tf.tasks.pretraining.settings import PretrainingSettings
    from clinicalbert_tf.tasks.pretraining.task import run_pretraining
    from tfrecords_builder.building import pipeline
    from tfrecords_builder.building.settings import BuilderSettings

    records, output_dir = (os.path.join(folder, f"{name}_{what}") for what in ("records", "run"))
    if schema.read_manifest(records) is None:
        pipeline.build_records(
            BuilderSettings(
                output_dir=records,
                input=(notes,),
                vocab_file=files["vocab_file"],
                do_lower_case=False,
                max_seq_length=48,
                max_predictions_per_seq=8,
                num_shards=1,
                masking="dynamic",
            )
        )
    given = {"input_file": records, "output_dir": output_dir, **files}
    if start:
        given["init_checkpoint"] = start
    run_pretraining(PretrainingSettings(num_train_steps=_STEPS[name], **_RUN, **given))
    return output_dir
