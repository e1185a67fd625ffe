"""How well a model expects a text: pseudo-perplexity.

Each wordpiece is masked alone and predicted from all others; the pseudo-perplexity is
exp(-mean of its log probability), so 1 is perfect and the vocabulary's size is guessing. It counts
wordpieces: compare models with the same vocabulary only. A wordpiece of a long note is scored once,
in the window in which it has most context.

Source: Salazar et al. 2020, Masked Language Model Scoring.
"""

import dataclasses
import math
import zlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import tensorflow as tf

from clinicalbert_tf.inference.loading import check_length
from clinicalbert_tf.inference.predictor import Predictor
from clinicalbert_tf.texts.batches import Block, make_blocks
from clinicalbert_tf.texts.rows import Row
from clinicalbert_tf.texts.windows import Sequence, SequenceMaker

# Each token of a block is one sequence through the model: small blocks show results soon.
_BLOCK_TOKENS = 1 << 11


@dataclasses.dataclass(frozen=True)
class PerplexitySettings:
    """How to score.

    Attributes:
        max_seq_length: tokens per window, [CLS] and [SEP] included.
        stride: wordpieces from one window of a long note to the next. Every wordpiece is scored
            once whatever the stride, so a small one gives more context at no cost.
        batch_tokens: places a batch, padding included.
        sample_tokens: wordpieces scored a note, drawn without replacement; 0 for all.
        seed: of the draw, which depends on it and the note's id only.
    """

    max_seq_length: int = 128
    stride: int = 63
    batch_tokens: int = 4096
    sample_tokens: int = 0
    seed: int = 12345


@dataclasses.dataclass(frozen=True)
class Score:
    """The score of a note, or of several together.

    Attributes:
        note_id: the note.
        tokens: its wordpieces.
        scored_tokens: those of them that were scored.
        log_likelihood: sum of the natural log probabilities of the scored ones.
    """

    note_id: str
    tokens: int
    scored_tokens: int
    log_likelihood: float

    @property
    def pseudo_perplexity(self) -> float:
        """exp(-log_likelihood / scored_tokens); NaN for a note without a wordpiece."""
        if not self.scored_tokens:
            return math.nan
        return math.exp(-self.log_likelihood / self.scored_tokens)

    def __add__(self, other: "Score") -> "Score":
        """Both together, under the first's id: every wordpiece counts the same."""
        return Score(
            self.note_id,
            self.tokens + other.tokens,
            self.scored_tokens + other.scored_tokens,
            self.log_likelihood + other.log_likelihood,
        )


class PerplexityScorer:
    """Scores notes.

    Args:
        bert: an object with config, tokenizer and pretraining_model
            (clinicalbert_tf.from_pretrained); its masked language model's head must be restored.
        settings: how to score.

    Raises:
        ValueError: the model has too few positions.
    """

    def __init__(self, bert, settings: PerplexitySettings):
        check_length(settings.max_seq_length, bert.config)
        self._settings = settings
        self._mask_id = bert.tokenizer.mask_id
        self._sequences = SequenceMaker(bert.tokenizer, settings.max_seq_length, settings.stride)
        self._predictor = Predictor(
            _likelihood_function(bert.pretraining_model),
            settings.batch_tokens,
            extras=("position", "target"),
        )

    def score(
        self, rows: Iterable[Row], progress: Callable[[int], None] = lambda tokens: None
    ) -> Iterator[Score]:
        """The score of each row, in order.

        Args:
            rows: the notes.
            progress: called with the number of wordpieces scored since the last call.
        """
        blocks = make_blocks(
            rows,
            lambda place, row: self._sequences.sequences(place, row.text, row.second_text),
            _BLOCK_TOKENS,
        )
        for block in blocks:
            yield from self._score_block(block, progress)

    def _score_block(self, block: Block, progress: Callable[[int], None]) -> list[Score]:
        owners, positions = _places(block.sequences)
        rows = np.array([sequence.row for sequence in block.sequences])
        tokens = np.bincount(rows[owners], minlength=len(block.rows))
        if self._settings.sample_tokens:
            chosen = self._sample(block, rows[owners])
            owners, positions = owners[chosen], positions[chosen]
        values = self._score_places(block.sequences, owners, positions, progress)
        scored = np.bincount(rows[owners], minlength=len(block.rows))
        sums = np.bincount(rows[owners], values, minlength=len(block.rows))
        return [
            Score(row.note_id, int(tokens[n]), int(scored[n]), float(sums[n]))
            for n, row in enumerate(block.rows)
        ]

    def _sample(self, block: Block, row_of_place: np.ndarray) -> np.ndarray:
        chosen = []
        for number, row in enumerate(block.rows):
            places = np.flatnonzero(row_of_place == number)
            identity = f"{row.note_id}/{row.sentence}".encode()
            draw = np.random.default_rng([self._settings.seed, zlib.crc32(identity)])
            count = min(self._settings.sample_tokens, len(places))
            chosen.append(np.sort(draw.choice(places, count, replace=False)))
        return np.concatenate(chosen)

    def _score_places(self, sequences, owners, positions, progress) -> np.ndarray:
        """Log probability of the wordpiece at each (sequence, position), masked alone."""
        masked, targets = [], []
        for owner, position in zip(owners, positions, strict=True):
            tokens = sequences[owner].token_ids.copy()
            targets.append(tokens[position])
            tokens[position] = self._mask_id
            masked.append(tokens)
        if not masked:
            return np.empty(0)
        found = self._predictor.predict(
            masked,
            [sequences[owner].second_segment for owner in owners],
            position=positions,
            target=targets,
        )
        progress(len(masked))
        return found["log_likelihood"].astype(np.float64)


def _likelihood_function(pretraining_model):
    """A function for a Predictor: the log probability of `target` at `position`."""

    def run(inputs):
        names = ("token_ids", "segment_ids", "padding_mask")
        given = {name: inputs[name] for name in names}
        given["mask_positions"] = inputs["position"][:, None]
        logits = pretraining_model(given, training=False)["mlm_logits"][:, 0]
        log_probabilities = tf.nn.log_softmax(logits)
        return {"log_likelihood": tf.gather(log_probabilities, inputs["target"], batch_dims=1)}

    return run


def _places(sequences: list[Sequence]) -> tuple[np.ndarray, np.ndarray]:
    """(sequence, position) of every wordpiece once; not of [CLS] and [SEP]."""
    owners, positions = [], []
    for number, sequence in enumerate(sequences):
        owned = np.arange(sequence.owned_start, sequence.owned_end)
        special = (0, sequence.second_segment - 1, len(sequence) - 1)
        owned = owned[~np.isin(owned, special)]
        owners.append(np.full(len(owned), number))
        positions.append(owned)
    return np.concatenate(owners), np.concatenate(positions)
