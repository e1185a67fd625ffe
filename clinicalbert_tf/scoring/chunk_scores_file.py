"""CSV of one score per chunk: columns ID, Label, score."""

import warnings
from collections.abc import Sequence

import numpy as np

from clinicalbert_tf.scoring.lines import DAMAGED_GZIP

COLUMNS = ("ID", "Label", "score")


def read_chunk_scores(
    path: str, group: str | None = None
) -> tuple[Sequence[str], np.ndarray, np.ndarray, Sequence[str] | None]:
    """Reads a CSV file, plain or compressed; further columns are ignored.

    Args:
        path: the file, with a header.
        group: a further column, e.g. SUBJECT_ID.

    Returns:
        (ids as typed [chunks], bool labels [chunks], float scores [chunks], groups [chunks] or
        None).

    Raises:
        ValueError: a column is missing, a label is not 0 or 1 (0.0 and 1.0 are taken), a score is
            no finite number (file and line are named), or there are no rows.
    """
    columns = [*COLUMNS, *([group] if group else [])]
    table = _read_table(path)
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise ValueError(
            f"{path}: expected the columns {columns}, {missing} are missing. Correct the header."
        )
    table = table[columns]
    # A last empty line is no row; pandas reads it as one of empty cells.
    table = table[(table != "").any(axis=1)]
    if not len(table):
        raise ValueError(f"Expected at least one chunk in {path}, received none.")
    lines = table.index.to_numpy() + 2
    labels = _numbers(table["Label"], path, lines, "Label")
    wrong = np.flatnonzero(~np.isin(labels, (0, 1)))
    if len(wrong):
        raise ValueError(
            f"{path}, line {lines[wrong[0]]}: expected a Label of 0 or 1, received another value."
        )
    scores = _numbers(table["score"], path, lines, "score")
    ids = table["ID"].tolist()
    return ids, labels.astype(bool), scores, table[group].tolist() if group else None


def _read_table(path: str):
    """All columns of the file as text, a pandas table with a row per line."""
    import pandas as pd

    try:
        with warnings.catch_warnings():
            # Else further cells (a score of 0,5) are dropped with a warning only.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                path,
                dtype=str,
                keep_default_na=False,
                na_filter=False,
                encoding="utf-8-sig",
                skip_blank_lines=False,
                index_col=False,
            )
    except pd.errors.EmptyDataError:
        raise ValueError(
            f"Expected a CSV file with the header {','.join(COLUMNS)}, received an empty {path}. "
            "Name the file of the scores."
        ) from None
    except DAMAGED_GZIP:
        raise ValueError(
            f"{path}: expected a whole gzip file, received one that is cut off or damaged. Copy "
            "the file again."
        ) from None
    except pd.errors.ParserWarning:
        raise ValueError(
            f"{path}: expected as many cells in each line as the header has, received more. Write "
            "a point in numbers and no comma at the end of a line."
        ) from None
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path}: expected UTF-8 CSV, it does not parse ({error}). Write the file again."
        ) from None


def _numbers(column, path: str, lines: np.ndarray, name: str) -> np.ndarray:
    import pandas as pd

    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise ValueError(
            f"{path}, line {lines[wrong[0]]}: expected a finite number as {name}, received another "
            f"value ({len(wrong)} such lines)."
        )
    return values
