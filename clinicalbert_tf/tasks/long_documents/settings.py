"""How long documents are cut and how the scores of their chunks are joined."""

import dataclasses

from clinicalbert_tf.setting_fields import setting

PAPER, MEAN, MAX, ATTENTION = VOTES = ("paper", "mean", "max", "attention")


@dataclasses.dataclass(frozen=True, kw_only=True)
class VoteSettings:
    """The settings of long documents; flags by their names."""

    long_documents: bool = setting(
        False,
        """Whether to cut long texts into overlapping chunks, train on the chunks, and join their
        scores to one per text. Otherwise long texts are cut off.""",
        decisive=True,
    )
    document_stride: int | None = setting(
        None,
        """Wordpieces from one chunk's start to the next, with --long_documents; 0 cuts a text off.
        Default: 3/4 of a chunk.""",
        at_least=0,
        decisive=True,
    )
    vote: str = setting(
        PAPER,
        """How the scores of a document's n chunks are joined: paper, (max + mean * n/c) / (1 + n/c)
        with --vote_c; mean; max; or attention, learnt over the chunks' vectors.""",
        choices=VOTES,
        decisive=True,
    )
    vote_c: float = setting(
        2.0, "Chunks whose mean weighs as much as their maximum.", above=0, decisive=True
    )
