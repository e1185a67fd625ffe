"""Where a TF1 checkpoint's files are: directory, prefix or .index -> prefix."""

import glob
import os
import re

# A prefix `model.ckpt-150000` stands for model.ckpt-150000.index and its data files; .meta (the
# graph) is of no use here.
INDEX = ".index"
_OWN_FILE = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")
_STEP = re.compile(r"^(?P<stem>.+)-(?P<step>\d+)$")
_STATE_LINE = re.compile(r'^model_checkpoint_path:\s*"(?P<path>[^"]*)"', re.MULTILINE)


def resolve_checkpoint(path: str | os.PathLike) -> str:
    """The prefix of the checkpoint that a path means.

    A directory means the checkpoint that its `checkpoint` file names, if that one is still
    there (by its base name: the file is full of absolute paths of the machine that wrote it), or
    else the highest step in it. The released models have no `checkpoint` file.

    Args:
        path: a directory, a prefix (`.../model.ckpt-150000`) or one of the checkpoint's files.

    Returns:
        The prefix, whose .index and data files exist.

    Raises:
        FileNotFoundError: there is no checkpoint, or its data files are missing.
        ValueError: a directory holds several models (`bert_model.ckpt` and `model.ckpt-5`).
    """
    path = os.path.expanduser(os.fspath(path))
    prefix = _in_directory(path) if os.path.isdir(path) else _OWN_FILE.sub("", path)
    if not os.path.isfile(prefix + INDEX):
        raise FileNotFoundError(
            f"Expected a TF1 checkpoint at {path}, found no file {prefix + INDEX}. Give its "
            "directory, its prefix (such as model.ckpt-150000) or its .index file."
        )
    if not glob.glob(glob.escape(prefix) + ".data-*-of-*"):
        raise FileNotFoundError(
            f"Expected {prefix}.data-00000-of-00001 next to {prefix + INDEX}, found no data "
            "file. Copy all files of the checkpoint into one directory."
        )
    return prefix


def step_of(prefix: str) -> int | None:
    """The step in a prefix's name: 150000 for model.ckpt-150000, None for bert_model.ckpt."""
    match = _STEP.match(os.path.basename(prefix))
    return int(match["step"]) if match else None


def list_checkpoints(directory: str | os.PathLike) -> list[str]:
    """The prefixes in a directory, those without a step first, then by ascending step."""
    found = glob.glob(os.path.join(glob.escape(os.fspath(directory)), "*" + INDEX))
    prefixes = [name.removesuffix(INDEX) for name in found]
    return sorted(prefixes, key=_step_and_name)


def _step_and_name(prefix: str) -> tuple[int, str]:
    step = step_of(prefix)
    return (-1 if step is None else step, prefix)


def _in_directory(directory: str) -> str:
    prefixes = list_checkpoints(directory)
    if not prefixes:
        raise FileNotFoundError(
            f"Expected a TF1 checkpoint in {directory}, found no .index file there. Give the "
            "directory that holds model.ckpt-STEP.index and its data file."
        )
    named = _named_by_state(directory)
    if named in prefixes:
        return named
    stems = sorted({_STEP.sub(r"\g<stem>", os.path.basename(prefix)) for prefix in prefixes})
    if len(stems) > 1:
        raise ValueError(
            f"{directory}: expected the checkpoints of one model, received "
            f"{', '.join(os.path.basename(prefix) for prefix in prefixes)}. Give the prefix of "
            "one of them."
        )
    return prefixes[-1]


def _named_by_state(directory: str) -> str | None:
    try:
        with open(os.path.join(directory, "checkpoint"), encoding="utf-8") as file:
            match = _STATE_LINE.search(file.read())
    except (FileNotFoundError, IsADirectoryError, UnicodeDecodeError):
        return None
    return os.path.join(directory, os.path.basename(match["path"])) if match else None
