"""The workers of a run: what they agree on, and what happens when one is lost."""

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from clinicalbert_tf.training.cluster.cluster import Cluster, find_cluster
from clinicalbert_tf.training.cluster.reduction import over_replicas
from clinicalbert_tf.training.cluster.watchdog import Watchdog
from clinicalbert_tf.training.errors import LostWorkerError

# Sums of float32 are exact up to 2^24; the replicas of one worker add up the same number.
_DIGIT = 1 << 16
_DIGITS = 3
# What a collective operation ends with when a worker of it is gone.
_LOSSES = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)


class Workers:
    """The workers of a strategy; a single one for all strategies but multi_worker.

    Its methods are called by all workers together: each waits for the others.

    Attributes:
        cluster: the workers, or None for a single one.
        chief: whether this one writes the files that all share.

    Args:
        strategy: the run's.
    """

    def __init__(self, strategy: tf.distribute.Strategy):
        self.strategy = strategy
        several = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        self.cluster: Cluster | None = find_cluster() if several else None
        self.chief = self.cluster is None or self.cluster.is_chief
        self._sum = over_replicas(strategy, tf.distribute.ReduceOp.SUM)

    def gather(self, values: Sequence[int]) -> np.ndarray:
        """Every worker's integers.

        Args:
            values: this worker's integers, from 0 to 2^48 - 1, as many on every worker.

        Returns:
            int64 [workers, len(values)], the same on every worker.
        """
        if self.cluster is None:
            return np.array([values], np.int64)
        workers = len(self.cluster.addresses)
        own = np.zeros([workers, len(values), _DIGITS], np.float32)
        for place in range(_DIGITS):
            own[self.cluster.rank, :, place] = [value // _DIGIT**place % _DIGIT for value in values]
        replicas = self.strategy.num_replicas_in_sync // workers
        sums = self._sum(tf.constant(own)).numpy().astype(np.float64)
        digits = np.rint(sums / replicas).astype(np.int64)
        return digits @ (_DIGIT ** np.arange(_DIGITS, dtype=np.int64))

    def check_same(self, what: Any) -> None:
        """Checks that all workers were started alike.

        Args:
            what: a JSON value, such as the part of run.json that decides about the numbers.

        Raises:
            ValueError: on every worker; names those that differ from the chief.
        """
        text = json.dumps(what, sort_keys=True).encode()
        digest = int.from_bytes(hashlib.sha256(text).digest()[:6], "big")
        digests = self.gather([digest])[:, 0]
        others = [str(rank) for rank, other in enumerate(digests) if other != digests[0]]
        if others:
            raise ValueError(
                "Expected every worker to be started with the chief's settings, records, model "
                f"and checkpoint, received others by worker {', '.join(others)}. Give all workers "
                "the same flags and the same files."
            )

    def agree_on_step(
        self,
        step: int | None,
        has_step: Callable[[int], bool],
        output_dir: str,
        seconds: float = 60.0,
    ) -> int | None:
        """The step that all workers resume at: the chief's, once every worker sees its files.

        A shared folder may show a worker later what another one wrote, so the others look again
        for a while.

        Args:
            step: of the state to resume from, or None to start fresh; the chief's counts.
            has_step: whether this worker sees a complete state of a step.
            output_dir: the folder, for the message.
            seconds: how long to look.

        Raises:
            FileNotFoundError: on every worker, where some worker does not see the chief's state.
        """
        chosen = int(self.gather([0 if step is None else step + 1])[0, 0]) - 1
        if chosen < 0:
            return None
        deadline = time.monotonic() + seconds
        while not (seen := has_step(chosen)) and time.monotonic() < deadline:
            time.sleep(0.5)
        found = self.gather([int(seen)])[:, 0]
        blind = [str(rank) for rank, seen in enumerate(found) if not seen]
        if blind:
            raise FileNotFoundError(
                f"Expected every worker to see the chief's model.ckpt-{chosen} in {output_dir}; "
                f"worker {', '.join(blind)} found no complete one there within {seconds:g} s. "
                "Give all workers the same folder on a shared file system."
            )
        return chosen

    @contextlib.contextmanager
    def watched(self, timeout: float) -> Iterator[None]:
        """Ends this worker when another one is lost.

        Args:
            timeout: seconds without a sign of life after which a worker counts as lost.

        Raises:
            LostWorkerError: a worker was lost and TensorFlow gave up waiting for it. Where it
                waits on, the process is ended with exit_codes.WORKER_LOST.
        """
        if self.cluster is None or len(self.cluster.addresses) == 1:
            yield
            return
        with Watchdog(self.cluster, timeout, self.gather) as watchdog:
            try:
                yield
            except tf.errors.OpError as error:
                # Others may come of a loss as well: NCCL's are internal errors.
                likely = isinstance(error, _LOSSES)
                watchdog.raise_lost(error, seconds=10.0 if likely else 2.0)
                if not likely:
                    raise
                raise LostWorkerError(
                    f"Expected {len(self.cluster.addresses)} workers to continue together, but "
                    f"TensorFlow lost one ({error.__class__.__name__}). The workers' own output "
                    "says which. Start all workers again: they resume from the newest checkpoint."
                ) from error
