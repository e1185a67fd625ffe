"""The best sequence of labels under rules of succession, in NumPy.

Source: Viterbi 1967; the rules of BIO as hard constraints.
"""

import dataclasses

import numpy as np

# More words than this are never held back: a text with so many labels and no O waits no longer.
_MOST_PENDING = 4096


@dataclasses.dataclass(frozen=True)
class Succession:
    """Scores of labels that follow one another.

    Attributes:
        begin: float [labels], of the first label.
        follow: float [labels, labels], of a label (column) behind another (row).
        end: float [labels], of the last label.
    """

    begin: np.ndarray
    follow: np.ndarray
    end: np.ndarray

    @classmethod
    def none(cls, labels: int) -> "Succession":
        """Every label may follow every other: decoding takes the best label of each word."""
        return cls(np.zeros(labels), np.zeros((labels, labels)), np.zeros(labels))

    def constrained(self, begin: np.ndarray, follow: np.ndarray) -> "Succession":
        """The same scores, with what is not allowed ruled out.

        Args:
            begin: bool [labels], which label may begin.
            follow: bool [labels, labels], which may follow which.
        """
        return Succession(
            np.where(begin, self.begin, -np.inf), np.where(follow, self.follow, -np.inf), self.end
        )


class ViterbiDecoder:
    """Decodes one sequence that arrives in pieces, in memory that does not grow with it.

    A label is final as soon as all sequences that can still win agree on it; this is so after a
    few words in practice. The result equals that of decoding the whole sequence at once, unless
    4,096 words pass without agreement.

    Args:
        succession: the scores.
    """

    def __init__(self, succession: Succession):
        self._succession = succession
        self._scores: np.ndarray | None = None
        self._pointers: list[np.ndarray] = []

    def push(self, emissions: np.ndarray) -> list[int]:
        """Takes the scores of the next words.

        Args:
            emissions: float [words, labels].

        Returns:
            The labels that became final, in order.
        """
        for scores in np.asarray(emissions, np.float64):
            if self._scores is None:
                self._scores = self._succession.begin + scores
                self._pointers = [np.arange(len(scores))]
                continue
            ways = self._scores[:, None] + self._succession.follow
            best = ways.argmax(0)
            self._scores = ways[best, np.arange(len(best))] + scores
            self._pointers.append(best)
        return self._final()

    def _final(self) -> list[int]:
        """Labels that all surviving sequences share, removed from what is pending."""
        if self._scores is None:
            return []
        alive = np.flatnonzero(np.isfinite(self._scores))
        if len(self._pointers) > _MOST_PENDING:
            alive = np.array([self._scores.argmax()])
        for place in range(len(self._pointers) - 1, 0, -1):
            alive = np.unique(self._pointers[place][alive])
            if len(alive) == 1:
                # `alive` holds the label of the word before `place`.
                labels = self._back(int(alive[0]), place - 1)
                self._pointers = self._pointers[place:]
                return labels
        return []

    def _back(self, label: int, place: int) -> list[int]:
        labels = [label]
        for pointers in self._pointers[place:0:-1]:
            labels.append(int(pointers[labels[-1]]))
        return labels[::-1]

    def finish(self) -> list[int]:
        """Returns the labels that are left; the next `push` begins a new sequence."""
        if self._scores is None:
            return []
        best = int((self._scores + self._succession.end).argmax())
        labels = self._back(best, len(self._pointers) - 1)
        self._scores, self._pointers = None, []
        return labels


def decode(emissions: np.ndarray, succession: Succession) -> list[int]:
    """The best labels of one whole sequence.

    Args:
        emissions: float [words, labels].
        succession: the scores of labels that follow one another.
    """
    decoder = ViterbiDecoder(succession)
    return decoder.push(emissions) + decoder.finish()
