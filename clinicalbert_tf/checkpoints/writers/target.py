"""The folder that a conversion makes: whole or not there, and readable by its owner only."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator

RECORD_NAME = "conversion.json"


def check_target(target: str, overwrite: bool, source: str) -> str:
    """Checks where a conversion goes, before any work.

    Args:
        target: the folder to make.
        overwrite: whether an earlier conversion there is replaced.
        source: the folder or file that is converted.

    Returns:
        The absolute path.

    Raises:
        FileExistsError: something stands there, and it is not to be replaced or no conversion.
        ValueError: the source lies in the target.
    """
    target = os.path.abspath(os.path.expanduser(target))
    inside, outside = os.path.realpath(source), os.path.realpath(target)
    if os.path.commonpath([inside, outside]) == outside:
        raise ValueError(
            f"Expected a target beside the source, received {target}, which holds the source "
            f"{source}. Choose another folder."
        )
    if not os.path.lexists(target):
        return target
    if not overwrite:
        raise FileExistsError(
            f"Expected no file or folder at {target}, found one. Choose another folder, or "
            "replace an earlier conversion with --overwrite."
        )
    if not _may_be_replaced(target):
        raise FileExistsError(
            f"Expected an earlier conversion (a folder with {RECORD_NAME}) or an empty folder at "
            f"{target}, found something else. Remove it yourself or choose another folder."
        )
    return target


@contextlib.contextmanager
def new_folder(target: str) -> Iterator[str]:
    """A folder to write into, which becomes `target` when the block ends well.

    Folders get mode 0700, files 0600. What stood at `target` is replaced; check_target first.

    Args:
        target: an absolute path; missing parents are made.

    Yields:
        The temporary folder, beside the target, empty.
    """
    parent, name = os.path.split(target)
    os.makedirs(parent, mode=0o700, exist_ok=True)
    temporary = tempfile.mkdtemp(prefix=f".{name}.unfinished-", dir=parent)
    try:
        yield temporary
        make_private_and_sync(temporary)
        _put_in_place(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _may_be_replaced(target: str) -> bool:
    if os.path.islink(target) or not os.path.isdir(target):
        return False
    names = os.listdir(target)
    return not names or RECORD_NAME in names


def make_private_and_sync(folder: str) -> None:
    """Makes a folder with all in it its owner's alone, and has the disk hold the files."""
    for place, _, names in os.walk(folder):
        os.chmod(place, 0o700)
        for name in names:
            path = os.path.join(place, name)
            os.chmod(path, 0o600)
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _put_in_place(temporary: str, target: str) -> None:
    if not os.path.lexists(target):
        os.rename(temporary, target)
        return
    parent, name = os.path.split(target)
    aside = tempfile.mkdtemp(prefix=f".{name}.replaced-", dir=parent)
    os.rename(target, os.path.join(aside, name))
    try:
        os.rename(temporary, target)
    except OSError:
        os.rename(os.path.join(aside, name), target)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
