"""What every form of pairing and masking shares: sizes, special ids and the reference's draws.

15% of the tokens are predicted; of these 80% become [MASK], 10% stay, 10% become a random
wordpiece. Source: create_masked_lm_predictions (Devlin et al. 2018, section 3.1); whole words as
in the reference's release of May 2019.
"""

import dataclasses
import random

# [CLS] and two [SEP].
SPECIAL_TOKENS = 3
# Below this there is no room for a token in each segment and the target length has no range.
MIN_SEQ_LENGTH = SPECIAL_TOKENS + 2


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
