"""What a set of pretraining records holds: lengths, masks and labels counted, rules checked.

One `RecordStatistics` a file, each counted by itself and added up, so that files can be counted
by several processes.

Source of the rules: create_pretraining_data.py of the BERT reference (Devlin et al. 2018).
"""

import dataclasses
import itertools

import numpy as np

from tfrecords_builder import schema, tfrecord_files
from tfrecords_builder.building.storage import example_blocks

BLOCK = 1024
# Far above any vocabulary; what is larger is no id and would make a histogram of any size.
_LARGEST_ID = (1 << 24) - 1


def _histogram(values: np.ndarray, size: int) -> np.ndarray:
    return np.bincount(values, minlength=size).astype(np.int64)


def _add(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The sum of two histograms, the shorter one filled up with zeros."""
    total = np.zeros(max(len(first), len(second)), np.int64)
    total[: len(first)] += first
    total[: len(second)] += second
    return total


def _no_counts() -> np.ndarray:
    return np.zeros(0, np.int64)


@dataclasses.dataclass
class RecordStatistics:
    """Counts over records of one shape.

    Attributes:
        max_seq_length: values of the sequence features.
        max_predictions_per_seq: values of the prediction features; None in records without them
            (masking=dynamic).
        files: instances by file, in order.
        lengths: int64 [max_seq_length + 1], instances by tokens, specials included.
        predictions: int64 [max_predictions_per_seq + 1], instances by predictions.
        replaced: int64 [ids], what stands at predicted positions if it is not the original.
        kept: predicted positions where the original stands.
        random_next: instances whose B comes from another document.
        wordpieces: int64 [ids], tokens by id, original where predicted.
        broken_rules: by rule how many instances break it, and where the first one is.
    """

    max_seq_length: int
    max_predictions_per_seq: int | None
    files: dict[str, int] = dataclasses.field(default_factory=dict)
    lengths: np.ndarray = dataclasses.field(default_factory=_no_counts, repr=False)
    predictions: np.ndarray = dataclasses.field(default_factory=_no_counts, repr=False)
    replaced: np.ndarray = dataclasses.field(default_factory=_no_counts, repr=False)
    kept: int = 0
    random_next: int = 0
    wordpieces: np.ndarray = dataclasses.field(default_factory=_no_counts, repr=False)
    broken_rules: dict[str, tuple[int, str]] = dataclasses.field(default_factory=dict)

    @property
    def instances(self) -> int:
        return sum(self.files.values())

    @property
    def tokens(self) -> int:
        """Tokens, specials included, padding not."""
        return int(self.lengths @ np.arange(len(self.lengths)))

    @property
    def predicted(self) -> int:
        """Predicted positions."""
        return int(self.predictions @ np.arange(len(self.predictions)))

    @property
    def padding_share(self) -> float:
        """Share of the sequence positions that are padding, a fraction."""
        return 1 - self.tokens / max(1, self.instances * self.max_seq_length)

    @property
    def masked_share(self) -> float:
        """Share of the tokens, specials included, that are predicted, a fraction."""
        return self.predicted / max(1, self.tokens)

    @property
    def random_next_share(self) -> float:
        """Share of the instances whose B comes from another document, a fraction."""
        return self.random_next / max(1, self.instances)

    def masking_shares(self, mask_id: int | None) -> tuple[float, float, float]:
        """Shares of the predictions that are [MASK], a random wordpiece, or kept.

        Args:
            mask_id: the id of [MASK]; None takes the most frequent replacement for it.
        """
        if mask_id is None:
            mask_id = self.likely_mask_id()
        replaced = int(self.replaced.sum())
        masked = int(self.replaced[mask_id]) if 0 <= mask_id < len(self.replaced) else 0
        total = max(1, self.predicted)
        return masked / total, (replaced - masked) / total, self.kept / total

    def likely_mask_id(self) -> int:
        """The id that most predicted positions hold, which is [MASK] in masked records."""
        return int(self.replaced.argmax()) if self.replaced.any() else -1

    def add(self, other: "RecordStatistics") -> None:
        """Adds the counts of further files.

        Raises:
            ValueError: their records have another shape.
        """
        for name in ("max_seq_length", "max_predictions_per_seq"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                raise ValueError(
                    f"Expected records of one shape, received {name} {mine} in "
                    f"{next(iter(self.files), '')} and {theirs} in {next(iter(other.files), '')}. "
                    "Inspect them apart."
                )
        for name in ("lengths", "predictions", "replaced", "wordpieces"):
            setattr(self, name, _add(getattr(self, name), getattr(other, name)))
        self.kept += other.kept
        self.random_next += other.random_next
        self.files |= other.files
        for rule, (count, first) in other.broken_rules.items():
            before, earliest = self.broken_rules.get(rule, (0, first))
            self.broken_rules[rule] = (before + count, earliest)

    def add_block(self, block: dict[str, np.ndarray], path: str, start: int) -> None:
        """Counts decoded records.

        Args:
            block: by feature name the values [records, width].
            path: the file they come from.
            start: the number of the first of them in it.
        """
        input_ids, is_token = block["input_ids"], block["input_mask"] != 0
        originals = input_ids
        lengths = is_token.sum(axis=1)
        self.lengths = _add(self.lengths, _histogram(lengths, self.max_seq_length + 1))
        self.random_next += int(block["next_sentence_labels"].sum())
        self.files[path] = self.files.get(path, 0) + len(input_ids)
        broken = _broken_sequences(block, lengths)
        if self.max_predictions_per_seq is not None:
            broken |= _broken_predictions(block, lengths)
            originals = self._add_predictions(block)
        self.wordpieces = _add(self.wordpieces, _histogram(originals[is_token], 0))
        for rule, rows in broken.items():
            if count := int(np.count_nonzero(rows)):
                place = f"{path}, record {start + int(np.flatnonzero(rows)[0])}"
                before, earliest = self.broken_rules.get(rule, (0, place))
                self.broken_rules[rule] = (before + count, earliest)

    def _add_predictions(self, block: dict[str, np.ndarray]) -> np.ndarray:
        """Counts the predictions; returns the ids with the originals put back."""
        weights = block["masked_lm_weights"] > 0
        width = self.max_predictions_per_seq
        self.predictions = _add(self.predictions, _histogram(weights.sum(axis=1), width + 1))
        rows, columns = np.nonzero(weights)
        positions = np.clip(block["masked_lm_positions"][rows, columns], 0, self.max_seq_length - 1)
        now, before = block["input_ids"][rows, positions], block["masked_lm_ids"][rows, columns]
        self.kept += int(np.count_nonzero(now == before))
        self.replaced = _add(self.replaced, _histogram(now[now != before], 0))
        originals = block["input_ids"].copy()
        originals[rows, positions] = before
        return originals


def _broken_sequences(block: dict[str, np.ndarray], lengths: np.ndarray) -> dict[str, np.ndarray]:
    """By rule of the sequence features, bool [records], whether a record breaks it."""
    mask, segments, ids = block["input_mask"], block["segment_ids"], block["input_ids"]
    is_token = np.arange(ids.shape[1]) < lengths[:, None]
    rises = np.diff(segments, axis=1)
    return {
        "input_mask is 1 up to the end, then 0": (mask != is_token).any(axis=1),
        "input_ids are 0 in the padding": (ids * ~is_token).any(axis=1),
        "segment_ids are 0, then 1, then 0 in the padding": (
            (segments != segments * is_token).any(axis=1)
            | (segments != (segments != 0)).any(axis=1)
            | ((rises < 0) & is_token[:, 1:]).any(axis=1)
        ),
        "next_sentence_labels is 0 or 1": (block["next_sentence_labels"] & ~1).any(axis=1),
    }


def _broken_predictions(block: dict[str, np.ndarray], lengths: np.ndarray) -> dict[str, np.ndarray]:
    """By rule of the prediction features, bool [records], whether a record breaks it."""
    positions, weights = block["masked_lm_positions"], block["masked_lm_weights"]
    count = np.count_nonzero(weights, axis=1)
    used = np.arange(weights.shape[1]) < count[:, None]
    outside = (positions < 1) | (positions >= lengths[:, None] - 1)
    return {
        "masked_lm_weights are 1, then 0": (weights != used).any(axis=1),
        "masked_lm_positions lie between [CLS] and the last [SEP]": (outside & used).any(axis=1),
        "masked_lm_positions ascend": ((np.diff(positions, axis=1) <= 0) & used[:, 1:]).any(axis=1),
    }


def count_file(path: str) -> RecordStatistics | None:
    """Counts one TFRecord file, plain or gzip; None for a file without records.

    Raises:
        ValueError: the file is damaged or truncated, or its records are not pretraining records
            of one shape; names file and record.
    """
    statistics = None
    examples = tfrecord_files.read_records(path)
    start = 0
    while some := list(itertools.islice(examples, BLOCK)):
        try:
            block = example_blocks.decode_block(some)
            shape = _shape(block)
            statistics = statistics or RecordStatistics(*shape)
            if shape != (statistics.max_seq_length, statistics.max_predictions_per_seq):
                raise ValueError(f"0: expected widths as in record 0, received {shape}")
        except ValueError as error:
            number, _, what = str(error).partition(": ")
            raise ValueError(
                f"{path}, record {start + int(number)}: {what}. Check that the file holds "
                "pretraining records of one shape."
            ) from None
        statistics.add_block(block, path, start)
        start += len(some)
    return statistics


def _shape(block: dict[str, np.ndarray]) -> tuple[int, int | None]:
    """max_seq_length and max_predictions_per_seq of decoded records.

    Raises:
        ValueError: they are not pretraining records; begins with a record's number in the block.
    """
    unmasked = set(schema.SEQUENCE_FEATURES + schema.LABEL_FEATURES)
    masked = block.keys() == set(schema.RECORD_FEATURES)
    if not masked and block.keys() != unmasked:
        raise ValueError(
            f"0: expected the features {', '.join(schema.RECORD_FEATURES)} (or none of "
            f"masked_lm_*), received {', '.join(sorted(block))}"
        )
    groups = [schema.SEQUENCE_FEATURES] + [schema.PREDICTION_FEATURES] * masked
    for names in groups:
        widths = [block[name].shape[1] for name in names]
        if len(set(widths)) > 1:
            raise ValueError(f"0: expected equal widths of {', '.join(names)}, received {widths}")
    for name in block.keys() - set(schema.FLOAT_FEATURES):
        values = block[name]
        outside = (values < 0) | (values > _LARGEST_ID)
        if values.dtype != np.int64 or outside.any():
            number = int(np.flatnonzero(outside.any(axis=1))[0]) if outside.any() else 0
            raise ValueError(f"{number}: expected integers from 0 to {_LARGEST_ID} in {name}")
    width = block["masked_lm_positions"].shape[1] if masked else None
    return block["input_ids"].shape[1], width
