"""Small files of a run: readable by their owner only, whole or not there at all."""

import os


def write_private(path: str, text: str) -> None:
    """Writes a text file (UTF-8, mode 0600) in one rename.

    Raises:
        OSError: it cannot be written; what stood at `path` stays.
    """
    temporary = f"{path}.tmp-{os.getpid()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def make_private_folder(path: str) -> str:
    """Makes a folder (mode 0700) where missing and returns it."""
    os.makedirs(path, mode=0o700, exist_ok=True)
    return path
