"""BioASQ's yes/no questions: a question and a snippet, as released or as BioBERT prepared them.

The folder holds train.json and, if there are any, dev.json and test.json, gzipped or not. Each
snippet is an example of its own with the label of its question; snippets of a question stay
together. Other kinds of questions are left out.

Source: BioASQ (Tsatsaronis et al. 2015); BioBERT at BioASQ 7b (Yoon et al. 2019).
"""

from clinicalbert_tf.datasets.classification.examples import SPLITS, Example, Split
from clinicalbert_tf.datasets.classification.settings import DataSettings
from clinicalbert_tf.datasets.questions.question_files import read_questions
from clinicalbert_tf.datasets.released_folders import find_file, require_file


def read_splits(settings: DataSettings) -> dict[str, Split]:
    """Reads the splits of a folder.

    Raises:
        FileNotFoundError: there is no train.json.
        ValueError: a file has another layout or holds no yes/no question.
    """
    splits = {}
    for name in SPLITS:
        names = (f"{name}.json", f"{name}.json.gz")
        found = find_file(settings.data_dir, names)
        if name == "train":
            found = require_file(settings.data_dir, names, "the yes/no questions to train on")
        if found is not None:
            splits[name] = _split(name, found[0])
    return splits


def _split(name: str, path: str) -> Split:
    questions = read_questions(path)
    examples = [
        Example(q.question_id, q.text, q.context, q.label, q.group_id, number)
        for number, q in enumerate(questions, start=1)
        if q.kind == "yesno"
    ]
    if not examples:
        raise ValueError(
            f"{path}: expected yes/no questions, received {len(questions)} of other kinds. Answer "
            "those with `python -m clinicalbert_tf.run_squad`."
        )
    left_out = len(questions) - len(examples)
    notices = [f"{path}: {left_out} contexts of other kinds were left out."] if left_out else []
    return Split(name, path, examples, notices=notices)
