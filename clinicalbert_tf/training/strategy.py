"""The tf.distribute strategies, and the devices behind them."""

import json
import os
import socket

import tensorflow as tf

from clinicalbert_tf.training.settings import STRATEGIES

_SECONDS_TO_ANSWER = 20


class DeviceError(ValueError):
    """The devices that a strategy needs are not there."""


def build_strategy(
    name: str,
    num_replicas: int | None = None,
    tpu_name: str | None = None,
    tpu_zone: str | None = None,
    gcp_project: str | None = None,
) -> tf.distribute.Strategy:
    """Builds a strategy; to be called before TensorFlow does anything else.

    Args:
        name: one of STRATEGIES. "one_device" takes the first GPU or the CPU; "mirrored" the GPUs
            of this machine, or without any, logical devices on the CPU; "multi_worker" the
            workers named in TF_CONFIG; "tpu" a TPU.
        num_replicas: replicas to use; None for all GPUs, or one on a machine without.
        tpu_name: the TPU's name or grpc address; None for the local one.
        tpu_zone: its zone; None for this machine's.
        gcp_project: its project; None for this machine's.

    Raises:
        DeviceError: there are fewer devices than replicas, no workers or no TPU.
        ValueError: an unknown strategy.
    """
    if name == "one_device":
        strategy = tf.distribute.OneDeviceStrategy("GPU:0" if _gpus() else "CPU:0")
    elif name == "mirrored":
        return _mirrored_strategy(num_replicas)
    elif name == "multi_worker":
        _check_cluster()
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
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


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes the files that all workers share."""
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.task_type:
        return True
    cluster = resolver.cluster_spec().as_dict()
    if "chief" in cluster:
        return resolver.task_type == "chief"
    return resolver.task_type != "worker" or resolver.task_id == 0


def _gpus() -> list:
    return tf.config.list_physical_devices("GPU")


def _mirrored_strategy(num_replicas: int | None) -> tf.distribute.Strategy:
    devices = _devices(num_replicas)
    reduction = None
    if devices[0].startswith("CPU"):
        # The default, collective operations, remembers shapes over the strategies of a process
        # and fails for a second model; devices that share their memory need none.
        reduction = tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy(devices, cross_device_ops=reduction)


def _devices(num_replicas: int | None) -> list[str]:
    gpus = _gpus()
    if gpus:
        if num_replicas is not None and num_replicas > len(gpus):
            raise DeviceError(
                f"num_replicas is {num_replicas} but this machine has {len(gpus)} GPUs. Ask for "
                f"{len(gpus)} or fewer."
            )
        return [f"GPU:{index}" for index in range(num_replicas or len(gpus))]
    replicas = num_replicas or 1
    # Two can always be tried; more than the cores only makes each slower.
    limit = max(2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2)
    if replicas > limit:
        raise DeviceError(
            f"num_replicas is {replicas} but this machine has no GPU and room for {limit} "
            f"replicas on its CPU cores. Ask for {limit} or fewer."
        )
    _split_cpu(replicas)
    return [f"CPU:{index}" for index in range(replicas)]


def _split_cpu(replicas: int) -> None:
    """Makes logical CPU devices, one a replica."""
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


def _check_cluster() -> None:
    text = os.environ.get("TF_CONFIG", "")
    expected = (
        'Expected TF_CONFIG to name the workers, such as {"cluster": {"worker": ["host:port", '
        '...]}, "task": {"type": "worker", "index": 0}}'
    )
    if not text:
        raise DeviceError(f"{expected}; received none. Set it, or use --strategy=mirrored.")
    try:
        config = json.loads(text)
        workers = config["cluster"]
        task = config["task"]["type"], int(config["task"]["index"])
    except (ValueError, KeyError, TypeError) as error:
        raise DeviceError(
            f"{expected}; received something else ({error.__class__.__name__}: {error}). "
            "Correct it on every worker."
        ) from None
    sizes = {kind: len(hosts) for kind, hosts in workers.items()}
    if not 0 <= task[1] < sizes.get(task[0], 0):
        raise DeviceError(
            f"TF_CONFIG: expected this task to be one of its cluster, received {task[0]} "
            f"{task[1]} of {sizes}. Correct the task's type and index."
        )


def _tpu_strategy(tpu_name, tpu_zone, gcp_project) -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(
            tpu=tpu_name or "", zone=tpu_zone, project=gcp_project
        )
        _check_reachable(resolver.master())
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    # The resolver raises whatever its way to the TPU raises: HTTP, gRPC, missing modules.
    except Exception as error:
        raise DeviceError(
            f"Expected a TPU named {tpu_name or '(local)'}, found none "
            f"({error.__class__.__name__}: {error}). Check --tpu_name, --tpu_zone and "
            "--gcp_project, or use another --strategy."
        ) from error


def _check_reachable(master: str) -> None:
    """Raises OSError where nothing answers; TensorFlow itself would wait for many minutes."""
    host, _, port = master.removeprefix("grpc://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_SECONDS_TO_ANSWER).close()
