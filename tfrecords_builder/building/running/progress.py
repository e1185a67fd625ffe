"""How far the reading of notes is, and how large the records will be."""

import collections
import shutil
import time

import tqdm
from absl import logging

from tfrecords_builder.building.document_encoder import Counts
from tfrecords_builder.building.running import estimate
from tfrecords_builder.building.settings import BuilderSettings

# Text and time from which the size of the records is estimated, characters and seconds: whichever
# comes first.
SAMPLE_CHARACTERS = 1 << 20
_SAMPLE_SECONDS = 2.0
# What an estimate is for where nobody knows how many notes a database has.
_NOTES_ESTIMATED = 1_000_000


class ReadingProgress:
    """A progress bar over the bytes of the inputs, as a context manager.

    The estimate of the records' size is logged as soon as a sample of the notes is tokenized, and
    then the bar begins; it shows on a terminal only.

    Args:
        settings: the build's settings.
        vocab_size: rows of the vocabulary.
        total_bytes: of all inputs, packed as they are; None if that is not known (databases):
            then the bar shows no time left, and the estimate is for a million notes.

    Attributes:
        done: bytes of the inputs whose notes are tokenized; characters where `total_bytes` is None.
    """

    def __init__(self, settings: BuilderSettings, vocab_size: int, total_bytes: int | None):
        self._settings = settings
        self._vocab_size = vocab_size
        self._total_bytes = total_bytes
        self._bytes_read = 0
        self.done = 0
        # Bytes read when each batch was handed on, for those that did not come back yet.
        self._batch_bytes: collections.deque[int] = collections.deque()
        self._start = time.monotonic()
        self._bar: tqdm.tqdm | None = None

    def on_bytes(self, size: int) -> None:
        """Notes that `size` bytes of an input were read."""
        self._bytes_read += size

    def on_batch(self) -> None:
        """Notes that what was read so far goes to a worker."""
        self._batch_bytes.append(self._bytes_read)

    def update(self, counts: Counts) -> None:
        """Shows that one more batch is tokenized.

        Args:
            counts: of all batches so far.
        """
        done = self._batch_bytes.popleft()
        known = self._total_bytes is not None
        done = min(done, self._total_bytes) if known else counts.characters_read
        seconds = max(time.monotonic() - self._start, 1e-3)
        step, self.done = done - self.done, done
        if self._bar is None:
            # A small input ends before there is a sample: then it is all of it.
            sampled = counts.characters_read >= SAMPLE_CHARACTERS or seconds >= _SAMPLE_SECONDS
            if sampled or (known and done == self._total_bytes):
                self._log_estimate(counts)
                self._bar = self._start_bar()
        else:
            self._bar.set_postfix_str(
                f"{counts.read:,} notes, {counts.read / seconds:,.0f} notes/s, "
                f"{counts.characters_read / seconds / 1e6:.1f} MB/s of text",
                refresh=False,
            )
            self._bar.update(step)

    def _start_bar(self) -> tqdm.tqdm:
        return tqdm.tqdm(
            desc="tokenizing",
            total=self._total_bytes,
            initial=self.done,
            unit="B",
            unit_scale=True,
            disable=None,
        )

    def _log_estimate(self, counts: Counts) -> None:
        if self._total_bytes is None:
            share = counts.read / _NOTES_ESTIMATED
            sample = f"{counts.read:,} notes for each million of them"
        else:
            share = self.done / max(1, self._total_bytes)
            sample = f"{100 * share:.1f}% of the inputs"
        if not share:
            return
        size = estimate.estimate_records(
            self._settings, self._vocab_size, counts.written / share, counts.tokens / share
        )
        logging.info("Estimate from the first %s: %s.", sample, size)
        folder = self._settings.output_dir
        free = shutil.disk_usage(folder).free
        if self._total_bytes is not None and size.needed_bytes > free:
            logging.warning(
                "Expected room for about %.1f GB in %s, received %.1f GB of free disk. Free some, "
                "lower --dupe_factor, or use --compression=gzip or --masking=dynamic.",
                size.needed_bytes / 1e9,
                folder,
                free / 1e9,
            )

    def __enter__(self) -> "ReadingProgress":
        return self

    def __exit__(self, *error) -> None:
        if self._bar is not None:
            self._bar.close()
