"""One text as the windows that a model reads, each wordpiece with its place in the text."""

import dataclasses

import numpy as np

from clinicalbert_tf.texts.windows import owned_ranges, window_starts
from tfrecords_builder.tokenization import CLS, SEP, BertTokenizer

# The place of [CLS] and [SEP], which stand for no characters.
NOWHERE = (-1, -1)


@dataclasses.dataclass(frozen=True)
class TextWindow:
    """What the model reads at once.

    Attributes:
        tokens: the wordpieces, [CLS] and [SEP] included.
        token_ids: int32 [length].
        offsets: one (start, end) per token, in characters of the text; NOWHERE for [CLS], [SEP].
        owned: (first, last + 1) of the tokens that belong to this window; an overlap is divided.
    """

    tokens: tuple[str, ...] = dataclasses.field(repr=False)
    token_ids: np.ndarray = dataclasses.field(repr=False)
    offsets: tuple[tuple[int, int], ...]
    owned: tuple[int, int]

    def inputs(self) -> dict[str, np.ndarray]:
        """The model's inputs, a batch of one."""
        ids = self.token_ids[None, :]
        return {
            "token_ids": ids,
            "segment_ids": np.zeros_like(ids),
            "padding_mask": np.ones_like(ids),
        }


def text_windows(tokenizer: BertTokenizer, text: str, max_seq_length: int) -> list[TextWindow]:
    """Cuts a text into windows that overlap by half.

    Args:
        tokenizer: the model's.
        text: any text.
        max_seq_length: tokens per window at most, [CLS] and [SEP] included; at least 4.
    """
    ids, offsets = tokenizer.encode_with_offsets(text)
    size = max_seq_length - 2
    starts = window_starts(len(ids), size, max(1, size // 2))
    owned = owned_ranges(starts, len(ids), size)
    return [
        _window(tokenizer, ids, offsets, (start, start + size), (first - start, last - start))
        for start, (first, last) in zip(starts, owned, strict=True)
    ]


def _window(tokenizer, ids, offsets, span, owned) -> TextWindow:
    chosen = ids[slice(*span)]
    return TextWindow(
        tokens=(CLS, *(tokenizer.inverse_vocab[row] for row in chosen), SEP),
        token_ids=np.array([tokenizer.cls_id, *chosen, tokenizer.sep_id], np.int32),
        offsets=(NOWHERE, *offsets[slice(*span)], NOWHERE),
        owned=(owned[0] + 1, owned[1] + 1),
    )
