"""Chooses and masks tokens of one instance, as the reference draws them.

15% of the tokens are predicted; of these 80% become [MASK], 10% stay, 10% become a random
wordpiece. Source: create_masked_lm_predictions (Devlin et al. 2018, section 3.1); whole words as
in the reference's release of May 2019. `block_masking` does the same to many instances at once.
"""

import dataclasses
import random
from collections.abc import Sequence

from tfrecords_builder import schema


@dataclasses.dataclass(frozen=True)
class SpecialIds:
    """The wordpiece ids that pairs and masks are made of."""

    cls: int
    sep: int
    mask: int

    @classmethod
    def of(cls, tokenizer) -> "SpecialIds":
        """The special ids of a `tokenization.BertTokenizer`."""
        return cls(tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id)


def num_to_predict(num_tokens: int, masked_lm_prob: float, max_predictions_per_seq: int) -> int:
    """Predictions in an instance of `num_tokens` tokens, [CLS] and [SEP] counted."""
    return min(max_predictions_per_seq, max(1, round(num_tokens * masked_lm_prob)))


def randbelow(limit: int, rng: random.Random) -> int:
    """`rng.randint(0, limit - 1)` without its checks: the same draws in a third of the time."""
    getrandbits = rng.getrandbits
    bits = limit.bit_length()
    drawn = getrandbits(bits)
    while drawn >= limit:
        drawn = getrandbits(bits)
    return drawn


def shuffle_head(items: list, wanted: int, rng: random.Random) -> list:
    """The first `wanted` of the items after `rng.shuffle(items)`, with the same draws.

    Shuffling the candidates is most of what an instance costs; most of its places are not wanted
    and so are left to hold anything.
    """
    getrandbits = rng.getrandbits
    last = len(items) - 1
    # shuffle() draws as many bits as i + 1 has, again while the number is above i.
    for bits in range(len(items).bit_length(), 1, -1):
        first = (1 << bits - 1) - 1
        for i in range(last, max(first, wanted) - 1, -1):
            j = getrandbits(bits)
            while j > i:
                j = getrandbits(bits)
            items[j] = items[i]
        for i in range(min(last, wanted - 1), first - 1, -1):
            j = getrandbits(bits)
            while j > i:
                j = getrandbits(bits)
            items[i], items[j] = items[j], items[i]
        last = first - 1
    return items[:wanted]


@dataclasses.dataclass(frozen=True)
class Masker:
    """Puts two segments together and masks them with draws from `rng`.

    Attributes:
        special_ids: the ids of [CLS], [SEP] and [MASK].
        starts_word: per wordpiece id whether it begins a word ("##..." does not).
        masked_lm_prob: share of tokens to predict.
        max_predictions_per_seq: predictions an instance at most.
        do_whole_word_mask: mask all wordpieces of a word together.
        rng: the one source of chance, drawn from in the reference's order.
    """

    special_ids: SpecialIds
    starts_word: Sequence[bool]
    masked_lm_prob: float
    max_predictions_per_seq: int
    do_whole_word_mask: bool
    rng: random.Random

    def pair(
        self, tokens_a: list[int], tokens_b: list[int], is_random_next: bool
    ) -> schema.PretrainingInstance:
        """The masked instance of `[CLS] A [SEP] B [SEP]`."""
        cls, sep = self.special_ids.cls, self.special_ids.sep
        tokens = [cls, *tokens_a, sep, *tokens_b, sep]
        input_ids, positions = self.mask(tokens, len(tokens_a) + 1)
        return schema.PretrainingInstance(
            input_ids=input_ids,
            segment_ids=[0] * (len(tokens_a) + 2) + [1] * (len(tokens_b) + 1),
            masked_lm_positions=positions,
            masked_lm_ids=[tokens[position] for position in positions],
            is_random_next=is_random_next,
        )

    def mask(self, tokens: list[int], first_sep: int) -> tuple[list[int], list[int]]:
        """Masks `tokens`.

        Args:
            tokens: `[CLS] A [SEP] B [SEP]` as ids.
            first_sep: the position of the first [SEP].

        Returns:
            The masked copy and the positions to predict, ascending.
        """
        limit = num_to_predict(len(tokens), self.masked_lm_prob, self.max_predictions_per_seq)
        places = [*range(1, first_sep), *range(first_sep + 1, len(tokens) - 1)]
        if self.do_whole_word_mask:
            positions = self._choose_words(places, tokens, limit)
        else:
            positions = shuffle_head(places, limit, self.rng)
        output = list(tokens)
        draw = self.rng.random
        vocab_size = len(self.starts_word)
        mask = self.special_ids.mask
        for position in positions:
            if draw() < 0.8:
                output[position] = mask
            elif draw() >= 0.5:
                output[position] = randbelow(vocab_size, self.rng)
        positions.sort()
        return output, positions

    def _choose_words(self, places: list[int], tokens: list[int], limit: int) -> list[int]:
        """Positions of whole words in random order; a word that no longer fits is passed over.

        A "##" wordpiece joins the word before it, also across the [SEP] after truncation cut its
        own, as in the reference.
        """
        words: list[list[int]] = []
        for position in places:
            if words and not self.starts_word[tokens[position]]:
                words[-1].append(position)
            else:
                words.append([position])
        positions: list[int] = []
        for word in shuffle_head(words, len(words), self.rng):
            if len(positions) >= limit:
                break
            if len(positions) + len(word) <= limit:
                positions.extend(word)
        return positions
