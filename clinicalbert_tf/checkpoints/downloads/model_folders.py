"""Which models lie in a folder or an archive, and the one that is asked for.

A model is a folder with a checkpoint in it, or an archive of one: pretrained_bert_tf.tar.gz
unpacks to one inner archive or folder a model.
"""

import dataclasses
import glob
import os
import re

from clinicalbert_tf.checkpoints.downloads.archives import (
    DEFAULT_LIMITS,
    ArchiveLimits,
    archive_stem,
    is_archive,
    unpack,
)
from clinicalbert_tf.checkpoints.model_files import only_weights

# A TF-Hub module, or any SavedModel, keeps its checkpoint below its folder.
_HUB_FOLDER, _HUB_INDEX = "variables", "variables.index"
# emilyalsentzer/Bio_ClinicalBERT, or bert-base-cased.
_HUB_ID = re.compile(
    r"(?:hf://|(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/)?"
    r"(?P<id>[A-Za-z0-9][\w.-]*/[\w.-]+|[A-Za-z0-9]+(-[A-Za-z0-9.]+)+)"
    r"(?:@[\w.-]+|/tree/[\w.-]+|/)?"
)
_WEB = re.compile(r"[a-z]+://")
# A release wraps its models in a folder or two; folders that hold one folder alone do not count.
_DEPTH = 3
# Archives in archives: clinicalBERT's models were released so, and somebody may pack them again.
_ARCHIVES_DEEP = 4
_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "model.weights.h5",
    "model.weights.json",
    # Named so that their folder is found and the reader can say what it needs instead.
    "tf_model.h5",
    "flax_model.msgpack",
)


@dataclasses.dataclass(frozen=True)
class ModelPlace:
    """Where a model lies.

    Attributes:
        path: its folder, or the path that was given if that is neither archive nor folder.
        outer: the folder of the archive that `path` was unpacked from; what the model's own folder
            lacks may lie there (SciBERT: vocab.txt beside weights.tar.gz). None without one.
    """

    path: str
    outer: str | None = None


def locate_model(
    path: str | os.PathLike,
    model: str | None = None,
    cache_dir: str | os.PathLike | None = None,
    limits: ArchiveLimits = DEFAULT_LIMITS,
) -> ModelPlace:
    """Finds the folder of the model that a path means; archives are unpacked into the cache.

    Args:
        path: an archive, a folder, a checkpoint's prefix or one of its files.
        model: the name of one of several models: its folder or inner archive without ending;
            in a folder also a checkpoint's prefix (model.ckpt-1000).
        cache_dir: where to unpack to; see archives.cache_folder.
        limits: bounds of what is unpacked.

    Returns:
        Where the model lies.

    Raises:
        FileNotFoundError: nothing at `path` (nothing is ever downloaded), or no model in it.
        ValueError: several models and none named, or none of that name; lists the names.
        ArchiveError: an archive cannot be unpacked; see archives.unpack.
    """
    path = os.path.expanduser(os.fspath(path))
    if is_archive(path):
        folder, name = unpack(path, cache_dir, limits), archive_stem(path)
    elif os.path.isdir(path):
        direct = os.path.join(path, model or "")
        if model and (os.path.isfile(direct + ".index") or is_model_folder(direct)):
            return ModelPlace(direct)
        folder, name = path, os.path.basename(os.path.abspath(path))
    elif model is None:
        _check_is_there(path)
        return ModelPlace(path)
    else:
        raise FileNotFoundError(
            f"Expected an archive or a folder with a model named {model} at {path}, found none. "
            "Give the path of the archive or folder, or no model name."
        )
    outer, models = None, find_models(folder, name)
    for _ in range(_ARCHIVES_DEEP):
        # What holds one archive alone is only its wrapping: the name is that of a model inside.
        wraps = len(models) == 1 and is_archive(next(iter(models.values())))
        chosen = _choose(path, models, None if wraps and model not in models else model)
        if not is_archive(chosen):
            return ModelPlace(chosen, outer)
        path, outer = chosen, os.path.dirname(chosen)
        model = None if model in models else model
        models = find_models(unpack(chosen, cache_dir, limits), archive_stem(chosen))
    raise FileNotFoundError(
        f"{path}: expected a checkpoint, received archives in archives {_ARCHIVES_DEEP} deep. "
        "Unpack them and give the folder."
    )


def _check_is_there(path: str) -> None:
    # A checkpoint's prefix is no file itself.
    if os.path.exists(path) or glob.glob(glob.escape(path) + ".*"):
        return
    hint = "Check the path."
    if found := _HUB_ID.fullmatch(path):
        name = found["id"]
        hint = (
            "It looks like the name of a model on the Hugging Face Hub: download it, for example "
            f"with `hf download {name} --local-dir {os.path.basename(name)}`, and give that folder."
        )
    elif _WEB.match(path):
        hint = "Download it yourself and give the file or folder."
    raise FileNotFoundError(
        f"Expected an archive, a folder or a checkpoint at {path}, found no file or folder there. "
        f"Nothing is downloaded. {hint}"
    )


def find_models(folder: str, name: str) -> dict[str, str]:
    """The models in a folder and the folders below it: {name: folder or archive}.

    Args:
        folder: where to look.
        name: what a model is called whose files lie in `folder` itself.

    Returns:
        In order of names. A model's own folder ends the search below it. Where two folders have
        one name, each is called by its path below `folder`.
    """
    found = _search(folder, _DEPTH)
    if found == [folder]:
        return {name: folder}
    # Unpacked by hand next to its archive, a model is there once.
    found = [p for p in found if os.path.isdir(p) or _without_ending(p) not in found]
    short = [_model_name(path) for path in found]
    names = {}
    for path, called in zip(found, short, strict=True):
        below = os.path.relpath(path, folder).replace(os.sep, "/")
        parent = os.path.dirname(below)
        unique = short.count(called) == 1
        names[called if unique else f"{parent}/{called}".strip("/")] = path
    return dict(sorted(names.items()))


def _search(folder: str, depth: int) -> list[str]:
    if is_model_folder(folder):
        return [folder]
    found = []
    entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    below = depth if len(entries) == 1 else depth - 1
    for entry in entries:
        # "._" files and __MACOSX are what a Mac adds to archives.
        if entry.name.startswith((".", "__MACOSX")) or entry.is_symlink():
            continue
        if entry.is_file() and is_archive(entry.path):
            found.append(entry.path)
        elif entry.is_dir() and below:
            found += _search(entry.path, below)
    return found


def is_model_folder(folder: str) -> bool:
    """Whether a path is a folder that itself holds a checkpoint of any format."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    if _HUB_FOLDER in names and os.path.isfile(os.path.join(folder, _HUB_FOLDER, _HUB_INDEX)):
        return True
    usual = any(
        name in _WEIGHTS or (name.endswith(".index") and not name.startswith(".")) for name in names
    )
    return usual or only_weights(folder) is not None


def _model_name(path: str) -> str:
    if not os.path.isfile(path):
        return os.path.basename(path)
    # SciBERT's folder holds its model as weights.tar.gz.
    name = archive_stem(path)
    return os.path.basename(os.path.dirname(path)) if name == "weights" else name


def _without_ending(archive: str) -> str:
    return os.path.join(os.path.dirname(archive), archive_stem(archive))


def _choose(path: str, models: dict[str, str], model: str | None) -> str:
    if not models:
        raise FileNotFoundError(
            f"{path}: expected a checkpoint in it (model.ckpt-*.index, bert_model.ckpt.index, "
            "model.safetensors, pytorch_model.bin or model.weights.h5), found none. Give the "
            "folder or archive that holds the model."
        )
    names = ", ".join(models)
    if model is None:
        if len(models) == 1:
            return next(iter(models.values()))
        raise ValueError(
            f"{path}: expected the name of one of its {len(models)} models, received none. Give "
            f"one of: {names}."
        )
    if model not in models:
        raise ValueError(
            f"{path}: expected the name of a model in it, received {model!r}. Give one of: {names}."
        )
    return models[model]
