"""Finds the files of a data set in the folder or archive that it was released as."""

import os
import zipfile
from collections.abc import Iterable, Sequence

from clinicalbert_tf.datasets.table_files import zip_members

_PACKINGS = ("", ".gz")
# What wget leaves of PhysioNet: physionet.org/files/mimiciv/3.1/hosp.
DOWNLOADS = 4


def find_file(data_dir: str, names: Sequence[str], depth: int = 1) -> tuple[str, str | None] | None:
    """Finds a file of a release.

    Looked for in the folder itself and in the folders and zip archives below it, the nearest first:
    PhysioNet's archives hold a folder with a long name. `data_dir` may also be such an archive.

    Args:
        data_dir: a folder or a zip archive.
        names: names the file may have; the first one found counts.
        depth: folders below `data_dir` that are looked into; more than one (DOWNLOADS) only for
            names that no other data set has.

    Returns:
        (path, member inside an archive or None), or None if it is not there.

    Raises:
        FileNotFoundError: there is no such folder or archive.
        ValueError: the file is there twice, in two folders or archives.
    """
    for name in names:
        found = list(dict.fromkeys(_candidates(data_dir, name, depth)))
        plain = [candidate for candidate in found if candidate[1] is None]
        # An archive beside its unpacked folder is the same release.
        found = plain or found
        if len(found) > 1:
            places = " and ".join(path if not inner else f"{path}:{inner}" for path, inner in found)
            raise ValueError(
                f"Expected one {name} in {data_dir}, received {places}. Name the folder that is "
                "meant with --data_dir."
            )
        if found:
            return found[0]
    return None


def require_file(
    data_dir: str, names: Sequence[str], what: str, depth: int = 1
) -> tuple[str, str | None]:
    """Like find_file, but the file must be there.

    Raises:
        FileNotFoundError: it is not; names the files that were looked for.
    """
    found = find_file(data_dir, names, depth)
    if found is None:
        raise FileNotFoundError(
            f"Expected {what} ({' or '.join(names)}) in {data_dir}, found none. Unpack the release "
            "there, or name its folder or zip archive with --data_dir."
        )
    return found


def _candidates(data_dir: str, name: str, depth: int) -> Iterable[tuple[str, str | None]]:
    if os.path.isfile(data_dir) and zipfile.is_zipfile(data_dir):
        yield from _in_archive(data_dir, name)
        return
    if not os.path.isdir(data_dir):
        raise FileNotFoundError(
            f"Expected a folder or a zip archive, found none at {data_dir}. Check --data_dir."
        )
    found = list(_in_folder(data_dir, name))
    folders = [data_dir]
    for _ in range(depth):
        if found:
            break
        folders, archives = _below(folders)
        for path in folders:
            found += _in_folder(path, name)
        for path in archives:
            found += _in_archive(path, name)
    yield from found


def _below(folders: Iterable[str]) -> tuple[list[str], list[str]]:
    """The folders and the zip archives of folders, hidden ones left out."""
    entries = [
        os.path.join(folder, entry)
        for folder in folders
        for entry in sorted(os.listdir(folder))
        if not entry.startswith(".")
    ]
    archives = (path for path in entries if path.lower().endswith(".zip"))
    return list(filter(os.path.isdir, entries)), list(filter(zipfile.is_zipfile, archives))


def _in_folder(folder: str, name: str) -> Iterable[tuple[str, str | None]]:
    for packing in _PACKINGS:
        path = os.path.join(folder, name + packing)
        if os.path.isfile(path):
            yield path, None
            return


def _in_archive(path: str, name: str) -> Iterable[tuple[str, str | None]]:
    for member in zip_members(path):
        if member.rsplit("/", 1)[-1] == name:
            yield path, member
