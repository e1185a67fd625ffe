"""A worker's place among the workers, from TF_CONFIG and from SLURM's variables."""

import json

import pytest

from clinicalbert_tf.training.cluster.cluster import RUN_NAME, find_cluster, run_name
from clinicalbert_tf.training.errors import DeviceError

STEP = {
    "SLURM_JOB_ID": "4711",
    "SLURM_STEP_ID": "0",
    "SLURM_PROCID": "2",
    "SLURM_STEP_NODELIST": "n[9-10]",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
    "SLURM_NODEID": "1",
    "SLURM_LOCALID": "0",
}


def tf_config(kind, index, **jobs):
    return {
        "TF_CONFIG": json.dumps({"cluster": jobs, "task": {"type": kind, "index": index}}),
    }


def test_workers_of_tf_config_keep_their_order():
    cluster = find_cluster(tf_config("worker", 1, worker=["a:1", "b:2"]))
    assert cluster.addresses == ("a:1", "b:2")
    assert (cluster.rank, cluster.is_chief) == (1, False)
    assert find_cluster(tf_config("worker", 0, worker=["a:1", "b:2"])).is_chief


def test_chief_of_tf_config_comes_before_the_workers():
    jobs = {"worker": ["a:1", "b:2"], "chief": ["c:3"]}
    chief = find_cluster(tf_config("chief", 0, **jobs))
    worker = find_cluster(tf_config("worker", 0, **jobs))
    assert chief.addresses == worker.addresses == ("c:3", "a:1", "b:2")
    assert (chief.rank, chief.is_chief) == (0, True)
    assert (worker.rank, worker.is_chief) == (1, False)


def test_tf_config_of_a_cluster_gives_the_same_cluster_again():
    cluster = find_cluster(STEP)
    assert find_cluster({"TF_CONFIG": cluster.tf_config()}) == cluster


def test_tf_config_stands_above_slurm():
    assert find_cluster({**STEP, **tf_config("worker", 0, worker=["a:1"])}).addresses == ("a:1",)


def test_slurm_step_becomes_a_cluster():
    cluster = find_cluster(STEP)
    hosts = [address.split(":")[0] for address in cluster.addresses]
    assert hosts == ["n9", "n9", "n10", "n10"]
    assert (cluster.kind, cluster.rank, cluster.is_chief) == ("worker", 2, False)


def test_neither_names_both_ways():
    with pytest.raises(DeviceError, match=r"TF_CONFIG .*SLURM.* received none\. .*srun.*launch"):
        find_cluster({})
    with pytest.raises(DeviceError, match="none but those of a batch script"):
        find_cluster({"SLURM_JOB_ID": "4711", "SLURM_NODELIST": "n[1-2]", "SLURM_PROCID": "0"})


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (tf_config("worker", 0, worker="a:1"), "worker is no list"),
        (tf_config("worker", 0, worker=["a"]), "worker 'a' is no host:port"),
        (tf_config("worker", "x", worker=["a:1"]), "ValueError"),
        (tf_config("evaluator", 0, worker=["a:1"], evaluator=["b:1"]), "received evaluator 0"),
        (tf_config("worker", 0, worker=["a:1"], ps=["b:1"]), "at most one chief"),
        (tf_config("chief", 0, worker=["a:1"], chief=["b:1", "c:1"]), "at most one chief"),
        ({"TF_CONFIG": "[]"}, "TypeError"),
    ],
)
def test_clusters_that_cannot_train_are_refused(environment, message):
    with pytest.raises(DeviceError, match=message):
        find_cluster(environment)


def test_run_name_is_the_same_for_all_workers_or_none():
    assert run_name({}) is None
    assert run_name(tf_config("worker", 0, worker=["a:1"])) is None
    assert run_name(STEP) == run_name({**STEP, "SLURM_PROCID": "0"}) == "slurm-4711"
    assert run_name({RUN_NAME: "launch-1", **STEP}) == "launch-1"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
