"""How many records a build will make, and how large, before they are made."""

import dataclasses
import math

import numpy as np

from tfrecords_builder import tfrecord_files
from tfrecords_builder.building import records
from tfrecords_builder.building.settings import BuilderSettings
from tfrecords_builder.building.storage import wire
from tfrecords_builder.building.storage.spill_files import token_type
from tfrecords_builder.pairing.masking import SPECIAL_TOKENS

# Share of the target length that an instance takes from its document on average: half of them get
# a random second segment and give the rest of their chunk back.
_TAKEN = 0.5
# Tokens by which the last sentence of an instance goes beyond its target, as measured on notes.
_OVERSHOOT = 20
# Share of an instance's places that hold a token and not padding.
_FILLED = 0.9
# A wordpiece that takes two bytes, as most do.
_COMMON_ID = 2000
_GZIP_RATIO = 0.41


@dataclasses.dataclass(frozen=True)
class RecordsEstimate:
    """About how large a folder of records will be.

    Attributes:
        instances: instances of all passes.
        record_bytes: bytes of all shards.
        spill_bytes: bytes of the tokenized documents, which go when the shards are built.
    """

    instances: int
    record_bytes: int
    spill_bytes: int

    @property
    def needed_bytes(self) -> int:
        """Disk space in use at the end of the build."""
        return self.record_bytes + self.spill_bytes

    def __str__(self) -> str:
        return (
            f"about {_rounded(self.instances):,} instances, {self.record_bytes / 1e9:.2g} GB of "
            f"records and {self.spill_bytes / 1e9:.2g} GB more while they are built"
        )


def estimate_records(
    settings: BuilderSettings, vocab_size: int, documents: float, tokens: float
) -> RecordsEstimate:
    """Estimates the size of the records.

    Args:
        settings: the build's settings.
        vocab_size: rows of the vocabulary.
        documents: how many there are.
        tokens: wordpieces of all documents.
    """
    length = settings.max_seq_length - SPECIAL_TOKENS
    # Of instances with a shorter target, uniform from 2 to the full length, there are more.
    whole = length + _OVERSHOOT
    shorter = whole / length * math.log(whole / (2 + _OVERSHOOT))
    more = 1 + settings.short_seq_prob * (shorter - 1)
    instances = settings.passes * more * max(documents, tokens / (_TAKEN * whole))
    size = instances * _record_bytes(settings, vocab_size)
    if settings.compression == "gzip":
        size *= _GZIP_RATIO
    spilled = tokens * token_type(vocab_size).itemsize
    return RecordsEstimate(round(instances), round(size), round(spilled))


def _record_bytes(settings: BuilderSettings, vocab_size: int) -> float:
    """Bytes of a TFRecord whose places are filled as most are."""
    features = records.record_features(
        settings.max_seq_length,
        settings.max_predictions_per_seq,
        vocab_size,
        masked=settings.masking == "static",
    )
    framing = tfrecord_files.HEADER_BYTES, tfrecord_files.FOOTER_BYTES
    arrays = {}
    for feature in features:
        value = 1 if feature.max_value is None else min(feature.max_value, _COMMON_ID)
        arrays[feature.name] = np.zeros((1, feature.width), np.int32)
        arrays[feature.name][:, : math.ceil(_FILLED * feature.width)] = value
    _, lengths = wire.ExampleEncoder(features, framing).encode(arrays)
    return float(lengths[0])


def _rounded(count: int) -> int:
    """Two significant digits."""
    return round(count, 1 - int(math.log10(max(count, 1))))
