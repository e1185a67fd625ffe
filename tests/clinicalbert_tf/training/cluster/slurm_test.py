"""The workers of a SLURM step: names, ports, order and GPUs."""

import pytest

from clinicalbert_tf.training.cluster.slurm import expand_hosts, expand_tasks, find_step
from clinicalbert_tf.training.errors import DeviceError

STEP = {
    "SLURM_JOB_ID": "4711",
    "SLURM_STEP_ID": "3",
    "SLURM_STEP_NODELIST": "n[9-10]",
    "SLURM_STEP_TASKS_PER_NODE": "3,2",
}


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("localhost", ["localhost"]),
        ("n1,m5", ["n1", "m5"]),
        ("n[1-2],m5,o[3-4,6,9-10]", ["n1", "n2", "m5", "o3", "o4", "o6", "o9", "o10"]),
        ("n[08-10,12]", ["n08", "n09", "n10", "n12"]),
        ("rack[0-1]n[2,4]-ib", ["rack0n2-ib", "rack0n4-ib", "rack1n2-ib", "rack1n4-ib"]),
        ("gpu-a.cluster.org", ["gpu-a.cluster.org"]),
    ],
)
def test_node_lists_are_expanded_in_their_order(text, hosts):
    assert expand_hosts(text) == hosts


@pytest.mark.parametrize("text", ["", "n[1-2", "n1]", "n[a-b]", "n1,,n2"])
def test_other_node_lists_are_refused(text):
    with pytest.raises(ValueError):
        expand_hosts(text)


def test_tasks_per_node_are_expanded():
    assert expand_tasks("3(x2),2,1") == [3, 3, 2, 1]
    with pytest.raises(ValueError, match="no tasks per node"):
        expand_tasks("3x2")


def places(rank, **more):
    addresses, found, _ = find_step({**STEP, "SLURM_PROCID": str(rank), **more})
    assert found == rank
    return [address.split(":") for address in addresses]


def test_every_task_of_a_step_finds_the_same_addresses():
    own = [places(rank) for rank in range(5)]
    assert all(found == own[0] for found in own)
    # By number, as SLURM ranks them, where text would put n10 first.
    assert [host for host, _ in own[0]] == ["n9", "n9", "n9", "n10", "n10"]
    ports = [int(port) for _, port in own[0]]
    assert ports == [ports[0], ports[0] + 1, ports[0] + 2, ports[0], ports[0] + 1]
    assert 10_000 < ports[0] < 32_768


def test_cyclic_tasks_go_round_the_nodes():
    found = places(0, SLURM_DISTRIBUTION="cyclic:block")
    assert [host for host, _ in found] == ["n9", "n10", "n9", "n10", "n9"]
    ports = [int(port) for _, port in found]
    assert [port - ports[0] for port in ports] == [0, 0, 1, 1, 2]


def test_jobs_and_steps_on_a_node_have_ports_of_their_own():
    first = {places(0)[0][1]}
    first |= {places(0, SLURM_JOB_ID="4712")[0][1], places(0, SLURM_STEP_ID="4")[0][1]}
    assert len(first) == 3


def test_reserved_ports_are_taken():
    found = places(0, SLURM_STEP_RESV_PORTS="13000-13001,13010")
    assert [port for _, port in found] == ["13000", "13001", "13010", "13000", "13001"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"SLURM_PROCID": "5"}, "IndexError"),
        ({"SLURM_STEP_TASKS_PER_NODE": "3"}, "2 nodes, tasks for 1"),
        ({"SLURM_STEP_NODELIST": "n[9-"}, r"n\[9-"),
        ({"SLURM_STEP_RESV_PORTS": "13000-13001"}, "2 reserved ports for 3 tasks"),
        # Another order than the one asked for: plane and arbitrary distributions.
        ({"SLURM_NODEID": "1"}, "SLURM_NODEID is 1, expected 0.*--distribution=block"),
    ],
)
def test_variables_that_contradict_each_other_are_refused(changes, message):
    with pytest.raises(DeviceError, match=message):
        find_step({**STEP, "SLURM_PROCID": "0", **changes})
    with pytest.raises(DeviceError, match="SLURM_STEP_TASKS_PER_NODE': None"):
        find_step({"SLURM_PROCID": "0", "SLURM_STEP_NODELIST": "n1"})


def gpus(rank, **more):
    return find_step({**STEP, "SLURM_PROCID": str(rank), **more})[2]


def test_tasks_that_see_the_same_gpus_share_them():
    assert [gpus(rank, CUDA_VISIBLE_DEVICES="0,1,2") for rank in range(3)] == ["0", "1", "2"]
    assert gpus(4, CUDA_VISIBLE_DEVICES="0,1,2,3") == "2,3"


def test_gpus_that_slurm_bound_to_a_task_are_left():
    # One each already: the same number on every task.
    assert gpus(1, CUDA_VISIBLE_DEVICES="0") is None
    assert gpus(1, CUDA_VISIBLE_DEVICES="0,1,2", SLURM_GPUS_PER_TASK="3") is None
    assert gpus(1) is None
    alone = {"SLURM_STEP_TASKS_PER_NODE": "1(x2)", "CUDA_VISIBLE_DEVICES": "0,1"}
    assert gpus(1, **alone) is None


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
