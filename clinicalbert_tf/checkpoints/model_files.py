"""Which of a folder's files are a model's configuration and vocabulary, by whatever names."""

import os
import re

from clinicalbert_tf.checkpoints.task_file import NAME as LABELS_NAME
from clinicalbert_tf.run_files import BEST_FOLDER, BEST_NAME, RECORD_NAME

TF1_CONFIG = "bert_config.json"
HUGGINGFACE_CONFIG = "config.json"
VOCABULARY = "vocab.txt"
_POINTER, _LONGEST_POINTER = b"version https://git-lfs.github.com/spec/", 1024
_WEIGHT_ENDINGS = (".safetensors", ".bin", ".pt", ".pth")
# What a Trainer and PEFT keep beside weights.
_NO_WEIGHTS = re.compile(r"(training_args|optimizer|scheduler|scaler|rng_state|adapter_)", re.I)
# JSON files with "config" in their names that are no model's configuration.
_OTHER_CONFIGS = ("tokenizer_config.json", "generation_config.json", "sentence_bert_config.json")


def best_of_run(path: str | os.PathLike) -> str:
    """The folder that the path of a fine-tuning run means: that of its best checkpoint.

    A run's figures are those of its best checkpoint, so using the run means using that one. Other
    paths, and runs that kept no best one, mean themselves.
    """
    path = os.path.expanduser(os.fspath(path))
    best = os.path.join(path, BEST_FOLDER)
    is_run = os.path.isfile(os.path.join(path, RECORD_NAME))
    kept = os.path.isfile(os.path.join(best, BEST_NAME))
    return best if is_run and kept and os.path.isfile(os.path.join(best, LABELS_NAME)) else path


def find_config(folder: str, names: tuple[str, ...] = (TF1_CONFIG, HUGGINGFACE_CONFIG)) -> str:
    """Finds the configuration in a model's folder.

    Args:
        folder: the model's folder.
        names: the usual names, the first that is there counts. Otherwise the one *config*.json
            of the folder is taken (BioBERT-Large calls it bert_config_bio_58k_large.json).

    Returns:
        The path.

    Raises:
        FileNotFoundError: there is none.
        ValueError: there are several, none of them under a usual name.
    """
    for name in names:
        if os.path.isfile(os.path.join(folder, name)):
            return os.path.join(folder, name)
    found = [
        name
        for name in _names(folder)
        if "config" in name.lower()
        and name.lower().endswith(".json")
        and name.lower() not in _OTHER_CONFIGS
    ]
    if len(found) == 1:
        return os.path.join(folder, found[0])
    if found:
        raise ValueError(
            f"{folder}: expected one configuration, received {', '.join(found)}. Name the "
            f"model's own {names[0]}, or give it as the configuration file."
        )
    raise FileNotFoundError(
        f"Expected a {names[0]} in {folder}, found no configuration. Copy the one that was "
        "released with the checkpoint there, or give it as the configuration file."
    )


def has_config(folder: str, names: tuple[str, ...]) -> bool:
    """Returns whether find_config finds a file."""
    try:
        return bool(find_config(folder, names))
    except (FileNotFoundError, ValueError):
        return False


def only_weights(folder: str) -> str | None:
    """Returns the one file of PyTorch's or Hugging Face's weights that a model's folder holds.

    For folders without a usual name (model.safetensors): biobert.bin, model.fp16.safetensors.

    Args:
        folder: a folder; it needs a configuration, which other folders with such files lack.

    Returns:
        The path; None if there is none, or several.
    """
    found = [
        name
        for name in _names(folder)
        if name.lower().endswith(_WEIGHT_ENDINGS) and not _NO_WEIGHTS.match(name)
    ]
    one = len(found) == 1 and has_config(folder, (HUGGINGFACE_CONFIG, TF1_CONFIG))
    return os.path.join(folder, found[0]) if one else None


def find_vocab_file(*folders: str) -> str | None:
    """Finds the vocabulary in a model's folders.

    Args:
        folders: where to look, in this order; None is passed over. In each, vocab.txt counts, and
            otherwise the one *vocab*.txt, for example vocab_cased_pubmed_pmc_30k.txt.

    Returns:
        The path, or None if there is none.

    Raises:
        ValueError: a folder holds several, none of them called vocab.txt.
    """
    for folder in folders:
        if os.path.isfile(os.path.join(folder, VOCABULARY)):
            return os.path.join(folder, VOCABULARY)
        found = [
            name
            for name in _names(folder)
            if "vocab" in name.lower() and name.lower().endswith(".txt")
        ]
        if len(found) > 1:
            raise ValueError(
                f"{folder}: expected one vocabulary, received {', '.join(found)}. Name the "
                f"model's own {VOCABULARY}, or give it as the vocabulary file."
            )
        if found:
            return os.path.join(folder, found[0])
    return None


def refuse_pointers(place: str) -> None:
    """Checks that a model's files are no pointers of Git LFS, which a clone without it leaves.

    Args:
        place: the model's folder, or a checkpoint's prefix, whose own files are looked at alone.

    Raises:
        ValueError: one is; names it.
    """
    folder, prefix = (place, "") if os.path.isdir(place) else os.path.split(place)
    folder = folder or "."
    for name in _names(folder):
        if not name.startswith(prefix):
            continue
        path = os.path.join(folder, name)
        if os.path.getsize(path) > _LONGEST_POINTER:
            continue
        with open(path, "rb") as file:
            if file.read(len(_POINTER)) == _POINTER:
                raise ValueError(
                    f"{path}: expected a file of a model, received a pointer of Git LFS to it. Run "
                    "`git lfs pull` in the clone, or download the file itself."
                )


def given_file(path: str | os.PathLike, what: str, flag: str) -> str:
    """Returns a file's path as it was given.

    Raises:
        FileNotFoundError: there is no such file.
    """
    path = os.path.expanduser(os.fspath(path))
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"Expected {what}, found no file {path}. Correct --{flag} ({flag}), or leave it out if "
            "the file lies beside the checkpoint."
        )
    return path


def _names(folder: str) -> list[str]:
    if not os.path.isdir(folder):
        return []
    return sorted(
        entry.name for entry in os.scandir(folder) if entry.is_file() and entry.name[0] != "."
    )
