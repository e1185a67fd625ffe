"""The workers of a SLURM job step, from the variables that srun sets.

tf.distribute's SlurmClusterResolver is not used: it divides by the GPUs a task and so fails
without any, sorts hosts as text ("n10" before "n9") while SLURM ranks them by number, and takes
every CUDA_VISIBLE_DEVICES to be the whole node's, which fails where SLURM bound a GPU to each task.
"""

import re
from collections.abc import Mapping, Sequence

from clinicalbert_tf.training.errors import DeviceError

JOB_ID = "SLURM_JOB_ID"
_RANK = "SLURM_PROCID"
_NODES = "SLURM_STEP_NODELIST"
_TASKS = "SLURM_STEP_TASKS_PER_NODE"
_PORTS = "SLURM_STEP_RESV_PORTS"
# Any of these says that SLURM gave each task its own GPUs already.
_BOUND = ("SLURM_GPUS_PER_TASK", "SLURM_GPU_BIND", "SLURM_TRES_BIND", "SLURM_TRES_PER_TASK")
# Below the ports that systems hand out by themselves (32768 and up on Linux).
_FIRST_PORT, _PORT_RANGE = 12_000, 20_000


def is_step(environment: Mapping[str, str]) -> bool:
    """Whether srun started this process."""
    return _RANK in environment and _NODES in environment


def find_step(environment: Mapping[str, str]) -> tuple[tuple[str, ...], int, str | None]:
    """The step's tasks and this one's place.

    Ports are the step's own where it has any (`srun --resv-ports`); otherwise they follow from
    the job's number, the same on every task without asking anyone.

    Args:
        environment: with SLURM's variables of a step.

    Returns:
        host:port of every task by its rank, this task's rank, and its share of the GPUs that it
        sees together with other tasks (for CUDA_VISIBLE_DEVICES), or None to see what it sees.

    Raises:
        DeviceError: the variables are incomplete or contradict each other.
    """
    try:
        rank = int(environment[_RANK])
        hosts = expand_hosts(environment[_NODES])
        tasks = expand_tasks(environment[_TASKS])
        places = _places(tasks, environment.get("SLURM_DISTRIBUTION", "block"))
        ports = _ports(environment, max(tasks))
        node, local = places[rank]
        _check_place(environment, node, local)
        if len(hosts) != len(tasks):
            raise ValueError(f"{len(hosts)} nodes, tasks for {len(tasks)}")
    except (ValueError, KeyError, IndexError) as error:
        found = {name: environment.get(name) for name in (_RANK, _NODES, _TASKS, _PORTS)}
        raise DeviceError(
            f"Expected SLURM's variables to name every task of the step, received {found} "
            f"({error.__class__.__name__}: {error}). Start the workers with `srun "
            "--distribution=block`, or set TF_CONFIG on every worker."
        ) from None
    addresses = tuple(f"{hosts[node]}:{ports[local]}" for node, local in places)
    return addresses, rank, _own_gpus(environment, tasks[node], local)


def expand_hosts(text: str) -> list[str]:
    """Node names of a SLURM node list: "n[08-10,12],m5" -> n08, n09, n10, n12, m5.

    Raises:
        ValueError: it is no such list.
    """
    hosts = []
    # Commas outside of brackets part the list.
    for part in re.split(r",(?![^\[]*\])", text):
        pieces = re.split(r"\[([^\]]*)\]", part)
        if not part or any(sign in piece for piece in pieces[::2] for sign in "[]"):
            raise ValueError(f"no node list: {text!r}")
        names = [""]
        for index, piece in enumerate(pieces):
            options = _expand_range(piece) if index % 2 else [piece]
            names = [name + option for name in names for option in options]
        hosts += names
    return hosts


def expand_tasks(text: str) -> list[int]:
    """Tasks on each node: "3(x2),1" -> 3, 3, 1.

    Raises:
        ValueError: it is no such list.
    """
    tasks = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", part)
        if match is None:
            raise ValueError(f"no tasks per node: {text!r}")
        tasks += [int(match[1])] * int(match[2] or 1)
    return tasks


def share_of_gpus(visible: Sequence[str], tasks: int, index: int) -> Sequence[str]:
    """The GPUs of one of several tasks that see the same ones, as many for each."""
    each = len(visible) // tasks
    return visible[index * each : (index + 1) * each]


def _expand_range(text: str) -> list[str]:
    numbers = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        # SLURM writes the zeros in front: [08-10] is 08, 09, 10.
        span = range(int(first), int(last or first) + 1)
        numbers += [str(number).zfill(len(first)) for number in span]
    return numbers


def _places(tasks: Sequence[int], distribution: str) -> list[tuple[int, int]]:
    """(node, place on it) of every task by its rank."""
    if distribution.split(":")[0].split(",")[0] != "cyclic":
        return [(node, local) for node, count in enumerate(tasks) for local in range(count)]
    return [
        (node, local)
        for local in range(max(tasks))
        for node, count in enumerate(tasks)
        if local < count
    ]


def _check_place(environment: Mapping[str, str], node: int, local: int) -> None:
    """Refuses orders of tasks other than those of `_places`, which SLURM knows several of."""
    for name, value in (("SLURM_NODEID", node), ("SLURM_LOCALID", local)):
        if int(environment.get(name, value)) != value:
            raise ValueError(f"{name} is {environment[name]}, expected {value}")


def _ports(environment: Mapping[str, str], count: int) -> list[int]:
    reserved = environment.get(_PORTS)
    if reserved:
        ports = [int(port) for port in _expand_range(reserved)]
        if len(ports) < count:
            raise ValueError(f"{len(ports)} reserved ports for {count} tasks on a node")
        return ports
    job, step = (int(environment.get(name) or 0) for name in (JOB_ID, "SLURM_STEP_ID"))
    # Neighbouring jobs may share a node, so their ports lie apart.
    first = _FIRST_PORT + (job * 64 + step * 8) % (_PORT_RANGE - count)
    return list(range(first, first + count))


def _own_gpus(environment: Mapping[str, str], tasks: int, local: int) -> str | None:
    visible = [gpu for gpu in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if gpu]
    if tasks == 1 or len(visible) < tasks or any(environment.get(name) for name in _BOUND):
        return None
    return ",".join(share_of_gpus(visible, tasks, local))
