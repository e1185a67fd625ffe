"""The way to a TPU."""

import socket

import tensorflow as tf
from absl import logging

from clinicalbert_tf.training.errors import DeviceError

_SECONDS_TO_ANSWER = 20


def tpu_strategy(
    tpu_name: str | None, tpu_zone: str | None, gcp_project: str | None
) -> tf.distribute.Strategy:
    """Connects to a TPU and sets it up.

    Args:
        tpu_name: its name or grpc address; None for the local one.
        tpu_zone: its zone; None for this machine's.
        gcp_project: its project; None for this machine's.

    Raises:
        DeviceError: there is none, or none that answers.
    """
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


def advise_precision(precision: str) -> None:
    """Says that a TPU computes in bfloat16, where that was not asked for."""
    if precision != "mixed_bfloat16":
        logging.warning(
            "A TPU multiplies matrices in bfloat16; --precision=%s costs it time and memory. Use "
            "--precision=mixed_bfloat16 unless you compare numbers.",
            precision,
        )


def _check_reachable(master: str) -> None:
    """Raises OSError where nothing answers; TensorFlow itself would wait for many minutes."""
    host, _, port = master.removeprefix("grpc://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_SECONDS_TO_ANSWER).close()
