"""Which worker of which workers this process is: from TF_CONFIG or from SLURM's variables.

Imports no TensorFlow, so that a command knows its place before it starts anything.
"""

import dataclasses
import json
import os
from collections.abc import Mapping

from clinicalbert_tf.training.cluster import slurm
from clinicalbert_tf.training.errors import DeviceError

# Set by clinicalbert_tf.launch, for the default of --output_dir: workers that each named a
# folder by their own clock would not find each other's checkpoints.
RUN_NAME = "CLINICALBERT_TF_RUN"
# Those that train; an evaluator or a parameter server would wait for a part it has not.
_KINDS = ("chief", "worker")
_EXAMPLE = '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers of a run and this one's place among them.

    Attributes:
        jobs: {"worker": ("host:port", ...)}, and "chief" where the cluster names one.
        kind, index: this task.
        gpus: what CUDA_VISIBLE_DEVICES should be for this task, or None to leave it.
    """

    jobs: Mapping[str, tuple[str, ...]]
    kind: str
    index: int
    gpus: str | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        """host:port of every worker, the chief's first."""
        return tuple(address for kind in _KINDS for address in self.jobs.get(kind, ()))

    @property
    def rank(self) -> int:
        """This worker's place in `addresses`."""
        before = len(self.jobs.get("chief", ())) if self.kind == "worker" else 0
        return before + self.index

    @property
    def is_chief(self) -> bool:
        """Whether this worker writes what all share."""
        return self.rank == 0

    def tf_config(self) -> str:
        """The TF_CONFIG that says the same."""
        jobs = {kind: list(addresses) for kind, addresses in self.jobs.items()}
        return json.dumps({"cluster": jobs, "task": {"type": self.kind, "index": self.index}})


def find_cluster(environment: Mapping[str, str] | None = None) -> Cluster:
    """Reads TF_CONFIG or, without it, the variables of a SLURM step.

    Args:
        environment: None for this process's.

    Raises:
        DeviceError: neither is there, or what is there cannot be used.
    """
    environment = os.environ if environment is None else environment
    if environment.get("TF_CONFIG"):
        return _from_tf_config(environment["TF_CONFIG"])
    if slurm.is_step(environment):
        addresses, rank, gpus = slurm.find_step(environment)
        return Cluster({"worker": addresses}, "worker", rank, gpus)
    batch = slurm.JOB_ID in environment
    raise DeviceError(
        f"Expected TF_CONFIG to name the workers, such as {_EXAMPLE}, or SLURM's variables of a "
        f"job step; received none{' but those of a batch script' if batch else ''}. Set TF_CONFIG "
        "on every worker, start the workers with `srun` or with `python -m "
        "clinicalbert_tf.launch`, or use --strategy=mirrored."
    )


def run_name(environment: Mapping[str, str] | None = None) -> str | None:
    """A name that all workers of this run share, or None if there is none."""
    environment = os.environ if environment is None else environment
    if environment.get(RUN_NAME):
        return environment[RUN_NAME]
    if slurm.is_step(environment) and slurm.JOB_ID in environment:
        return f"slurm-{environment[slurm.JOB_ID]}"
    return None


def _from_tf_config(text: str) -> Cluster:
    try:
        config = json.loads(text)
        jobs = {kind: _addresses(kind, hosts) for kind, hosts in config["cluster"].items()}
        kind, index = config["task"]["type"], int(config["task"]["index"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DeviceError(
            f"Expected TF_CONFIG to name the workers, such as {_EXAMPLE}; received something else "
            f"({error.__class__.__name__}: {error}). Correct it on every worker."
        ) from None
    sizes = {kind: len(hosts) for kind, hosts in jobs.items()}
    if kind not in _KINDS or not 0 <= index < sizes.get(kind, 0):
        raise DeviceError(
            f"TF_CONFIG: expected this task to be a chief or a worker of its cluster, received "
            f"{kind} {index} of {sizes}. Correct the task's type and index."
        )
    if sizes.get("chief", 0) > 1 or set(sizes) - set(_KINDS):
        raise DeviceError(
            f"TF_CONFIG: expected a cluster of workers and at most one chief, received {sizes}. "
            "Name all others as workers; evaluation is a part of this command."
        )
    return Cluster(jobs, kind, index)


def _addresses(kind: str, hosts) -> tuple[str, ...]:
    if isinstance(hosts, str) or not all(isinstance(host, str) for host in hosts):
        raise TypeError(f"{kind} is no list of host:port")
    for host in hosts:
        name, _, port = host.rpartition(":")
        if not name or not port.isdigit():
            raise ValueError(f"{kind} {host!r} is no host:port")
    return tuple(hosts)
