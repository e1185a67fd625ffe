"""Masks a block of instances at once, with the statistics of `exact_pairing`.

Words (or single wordpieces) are drawn by a Fisher-Yates shuffle that continues in every row
together and stops as soon as each row has its predictions.

Source: create_masked_lm_predictions (Devlin et al. 2018, section 3.1).
"""

import dataclasses

import numpy as np

from tfrecords_builder.pairing.masking import SPECIAL_TOKENS, SpecialIds


@dataclasses.dataclass(frozen=True)
class BlockMasker:
    """Masks blocks as `streaming_pairing.gather_block` makes them.

    Attributes:
        special_ids: the ids of [CLS], [SEP] and [MASK].
        starts_word: bool [vocabulary], whether a wordpiece begins a word.
        masked_lm_prob: share of tokens to predict.
        max_predictions_per_seq: predictions per instance at most.
        do_whole_word_mask: mask all wordpieces of a word together.
    """

    special_ids: SpecialIds
    starts_word: np.ndarray = dataclasses.field(repr=False)
    masked_lm_prob: float
    max_predictions_per_seq: int
    do_whole_word_mask: bool

    def mask(
        self,
        block: dict[str, np.ndarray],
        a_length: np.ndarray,
        b_length: np.ndarray,
        rng: np.random.Generator,
    ) -> dict[str, np.ndarray]:
        """Masks `block["input_ids"]` in place and returns the block with the predictions added.

        Args:
            block: features by name, [rows, max_seq_length] each.
            a_length, b_length: tokens of the segments, int [rows].
            rng: the source of chance.

        Returns:
            `block` and masked_lm_positions, masked_lm_ids int32, masked_lm_weights float32
            [rows, max_predictions_per_seq], positions ascending, 0 if there is none.
        """
        candidates = a_length + b_length
        limit = self._limits(candidates + SPECIAL_TOKENS)
        # The tokens that may be masked, all rows one after the other.
        row_start = np.cumsum(candidates) - candidates
        if self.do_whole_word_mask:
            first = self._word_starts(block["input_ids"], a_length, candidates, row_start)
            sizes = np.diff(first, append=candidates.sum())
            words = np.diff(np.searchsorted(first, row_start), append=len(first))
            chosen, counts = _choose(words, limit, rng, sizes)
            chosen = np.repeat(chosen, sizes)
        else:
            chosen, counts = _choose(candidates, limit, rng)
        place = np.flatnonzero(chosen) - np.repeat(row_start, counts)
        position = place + 1 + (place >= np.repeat(a_length, counts))
        return self._replace(block, counts, position, rng)

    def _word_starts(self, input_ids, a_length, candidates, row_start) -> np.ndarray:
        """Where words begin in the tokens that may be masked, all rows one after the other."""
        column = np.arange(input_ids.shape[1])
        may_be_masked = (column >= 1) & (column <= candidates[:, None] + 1)
        may_be_masked[np.arange(len(candidates)), a_length + 1] = False
        starts = self.starts_word[input_ids[may_be_masked]]
        starts[row_start] = True
        return np.flatnonzero(starts)

    def _limits(self, lengths: np.ndarray) -> np.ndarray:
        """Predictions of instances of these lengths; np.rint rounds halves as round() does."""
        wanted = np.maximum(np.rint(lengths * self.masked_lm_prob).astype(np.int64), 1)
        return np.minimum(wanted, self.max_predictions_per_seq)

    def _replace(self, block, counts, position, rng) -> dict[str, np.ndarray]:
        """Replaces the chosen tokens, 80% by [MASK], 10% by a random one, and notes them.

        Args:
            block: features by name; input_ids is changed in place.
            counts: int [rows], chosen tokens per row.
            position: int [all chosen tokens], where they stand in their rows.
            rng: the source of chance.
        """
        rows, length = block["input_ids"].shape
        flat_ids = block["input_ids"].reshape(-1)
        place = position + np.repeat(np.arange(rows) * length, counts)
        labels = flat_ids.take(place)
        kind = rng.random(len(place), np.float32)
        replaced = np.where(kind < 0.8, np.int32(self.special_ids.mask), labels)
        at_random = np.flatnonzero(kind >= 0.9)
        replaced[at_random] = rng.integers(0, len(self.starts_word), len(at_random), np.int32)
        flat_ids[place] = replaced
        predicted = np.arange(self.max_predictions_per_seq) < counts[:, None]
        positions = np.zeros(predicted.shape, np.int32)
        ids = np.zeros(predicted.shape, np.int32)
        positions[predicted] = position
        ids[predicted] = labels
        return block | {
            "masked_lm_positions": positions,
            "masked_lm_ids": ids,
            "masked_lm_weights": predicted.astype(np.float32),
        }


def _choose(
    groups: np.ndarray,
    limit: np.ndarray,
    rng: np.random.Generator,
    sizes: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Chooses groups of tokens in random order; one that no longer fits its row is passed over.

    Args:
        groups: int [rows], groups a row.
        limit: int [rows], tokens to choose in each row at most.
        sizes: int [all groups], tokens per group, rows one after the other; None if all are 1.

    Returns:
        bool [all groups], whether a group was chosen, and int [rows], tokens chosen a row.
    """
    row_start = np.cumsum(groups) - groups
    chosen = np.zeros(int(groups.sum()), bool)
    # One column a row, so that a step of all rows touches neighbouring memory.
    order = np.empty((int(groups.max(initial=0)), len(groups)), np.uint16)
    order[:] = np.arange(len(order), dtype=np.uint16)[:, None]
    live = np.flatnonzero((limit > 0) & (groups > 0))
    left = limit.copy()
    step = 0
    while len(live):
        draw = step + (rng.random(len(live)) * (groups[live] - step)).astype(np.int64)
        group = order[draw, live]
        order[draw, live] = order[step, live]
        index = row_start[live] + group
        if sizes is None:
            chosen[index] = True
            left[live] -= 1
        else:
            fits = sizes[index] <= left[live]
            chosen[index[fits]] = True
            left[live[fits]] -= sizes[index[fits]]
        step += 1
        live = live[(left[live] > 0) & (groups[live] > step)]
    return chosen, limit - left
