"""The tf.distribute strategies, and the devices behind them."""

import contextlib
import functools
import os
import signal
import threading
from collections.abc import Iterator

import tensorflow as tf
from absl import logging
from tensorflow.compiler.xla.tsl.protobuf import coordination_config_pb2
from tensorflow.python.eager import context as eager_context

from clinicalbert_tf.training.cluster.cluster import Cluster, find_cluster
from clinicalbert_tf.training.cluster.tpu import tpu_strategy
from clinicalbert_tf.training.errors import DeviceError, LostWorkerError
from clinicalbert_tf.training.settings import STRATEGIES


def build_strategy(
    name: str,
    num_replicas: int | None = None,
    tpu_name: str | None = None,
    tpu_zone: str | None = None,
    gcp_project: str | None = None,
    worker_timeout: int = 30,
) -> tf.distribute.Strategy:
    """Builds a strategy; to be called before TensorFlow does anything else.

    Called again, it returns the same one, for all runs of a process.

    Args:
        name: one of STRATEGIES. "one_device" takes the first GPU or the CPU; "mirrored" the GPUs
            of this machine, or without any, logical devices on the CPU; "multi_worker" the
            workers named in TF_CONFIG or by SLURM; "tpu" a TPU.
        num_replicas: replicas to use; None for all GPUs, or one on a machine without.
        tpu_name: the TPU's name or grpc address; None for the local one.
        tpu_zone: its zone; None for this machine's.
        gcp_project: its project; None for this machine's.
        worker_timeout: seconds without a sign of life after which TensorFlow gives a worker up.

    Raises:
        DeviceError: there are fewer devices than replicas, no workers or no TPU.
        LostWorkerError: the workers did not find together.
        ValueError: an unknown strategy.
    """
    if name == "one_device":
        strategy = tf.distribute.OneDeviceStrategy("GPU:0" if _gpus() else "CPU:0")
    elif name == "mirrored":
        return _mirrored_strategy(_devices(num_replicas))
    elif name == "multi_worker":
        strategy = _multi_worker_strategy(find_cluster(), worker_timeout)
    elif name == "tpu":
        strategy = _tpu_strategy(tpu_name, tpu_zone, gcp_project)
    else:
        raise ValueError(
            f"Expected --strategy to be one of {', '.join(STRATEGIES)}, received {name!r}."
        )
    replicas = strategy.num_replicas_in_sync
    if num_replicas is not None and num_replicas != replicas:
        raise DeviceError(
            f"num_replicas is {num_replicas} but the strategy {name} has {replicas}. Drop the "
            "flag, or use --strategy=mirrored for several replicas on one machine."
        )
    return strategy


def check_batch_size(flag: str, batch_size: int, num_replicas: int) -> None:
    """Checks that a global batch can be cut into equal parts.

    Raises:
        ValueError: it cannot; names both numbers.
    """
    if batch_size % num_replicas:
        smaller = batch_size // num_replicas * num_replicas
        raise ValueError(
            f"{flag} is {batch_size} but the strategy has {num_replicas} replicas, which do not "
            f"divide it. Use a multiple, such as {smaller or num_replicas}."
        )


# Connecting a second time would reset the TPU under the models of the first.
_tpu_strategy = functools.cache(tpu_strategy)


def _gpus() -> list:
    return tf.config.list_physical_devices("GPU")


# One strategy for all runs of a process, as those of several seeds are: every strategy numbers its
# collective operations from the same start, and TensorFlow remembers the shape that it has seen
# under a number, so a second strategy fails as soon as its model has another shape.
@functools.cache
def _mirrored_strategy(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    # Devices that share their memory need no collective operations.
    on_cpu = devices[0].startswith("CPU")
    reduction = tf.distribute.ReductionToOneDevice() if on_cpu else None
    return tf.distribute.MirroredStrategy(devices, cross_device_ops=reduction)


def _devices(num_replicas: int | None) -> tuple[str, ...]:
    gpus = _gpus()
    if gpus:
        if num_replicas is not None and num_replicas > len(gpus):
            raise DeviceError(
                f"num_replicas is {num_replicas} but this machine has {len(gpus)} GPUs. Ask for "
                f"{len(gpus)} or fewer."
            )
        return tuple(f"GPU:{index}" for index in range(num_replicas or len(gpus)))
    replicas = num_replicas or 1
    # Two can always be tried; more than the cores only makes each slower.
    limit = max(2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2)
    if replicas > limit:
        raise DeviceError(
            f"num_replicas is {replicas} but this machine has no GPU and room for {limit} "
            f"replicas on its CPU cores. Ask for {limit} or fewer."
        )
    _split_cpu(replicas)
    return tuple(f"CPU:{index}" for index in range(replicas))


def _split_cpu(replicas: int) -> None:
    """Makes logical CPU devices, one per replica."""
    (cpu,) = tf.config.list_physical_devices("CPU")
    present = tf.config.get_logical_device_configuration(cpu) or [None]
    if replicas <= len(present):
        return
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * replicas
        )
    except RuntimeError:
        raise DeviceError(
            f"num_replicas is {replicas} but TensorFlow has started with {len(present)} CPU "
            "devices in this process. Build the strategy before any other use of TensorFlow."
        ) from None


def _multi_worker_strategy(cluster: Cluster, timeout: int) -> tf.distribute.Strategy:
    # TensorFlow reads these itself, and so does every library that asks for its place.
    os.environ["TF_CONFIG"] = cluster.tf_config()
    if cluster.gpus is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = cluster.gpus
    configure_heartbeats(cluster, timeout)
    # It would write a line for every reduction that it traces.
    tf.get_logger().setLevel("WARNING")
    addresses = cluster.addresses
    if len(addresses) > 1:
        logging.info(
            "Worker %d of %d (%s) waits for the others: %s.",
            *(cluster.rank, len(addresses), addresses[cluster.rank], ", ".join(addresses)),
        )
    try:
        return _strategy_of_workers(os.environ["TF_CONFIG"])
    except tf.errors.OpError as error:
        # Such as a worker that comes back while the others still have to notice that it went.
        raise LostWorkerError(
            f"Expected to join the workers {', '.join(addresses)}, but could not "
            f"({error.__class__.__name__}). Start all workers again, with no process of an "
            "earlier run left on their ports."
        ) from error


@functools.cache
def _strategy_of_workers(tf_config: str) -> tf.distribute.Strategy:
    """The strategy of the cluster in TF_CONFIG, one for all runs as _mirrored_strategy's are."""
    del tf_config  # TensorFlow reads it itself.
    with own_sigterm():
        return tf.distribute.MultiWorkerMirroredStrategy()


@contextlib.contextmanager
def own_sigterm() -> Iterator[None]:
    """Takes SIGTERM back from TensorFlow's preemption notifier, which would swallow it."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        # None is a handler of C, set before Python started.
        if handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


def configure_heartbeats(cluster: Cluster, timeout: int) -> None:
    """Sets after how many seconds of silence a worker's collective operations are ended.

    The strategy would set up the same service with 10 s, which a machine short of memory can
    take for one page; there is no public way to another number.
    """
    context = eager_context.context()
    if context.coordination_service is not None:
        return
    context.configure_coordination_service(
        service_type="standalone",
        service_leader=f"/job:{'chief' if 'chief' in cluster.jobs else 'worker'}/replica:0/task:0",
        heartbeat_timeout_in_ms=timeout * 1000,
        coordinated_jobs=[
            coordination_config_pb2.CoordinatedJob(name=kind, num_tasks=len(addresses))
            for kind, addresses in cluster.jobs.items()
        ],
    )
