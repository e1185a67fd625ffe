"""The Kubernetes manifest: well-formed, consistent, and its TF_CONFIG is one that works."""

import os
import subprocess
import sys

import pytest
import yaml

from clinicalbert_tf.training import exit_codes
from clinicalbert_tf.training.cluster.cluster import find_cluster
from tests import support

MANIFEST = support.ROOT / "experiments" / "kubernetes" / "pretrain.yaml"


@pytest.fixture(scope="module")
def objects():
    found = {item["kind"]: item for item in yaml.safe_load_all(MANIFEST.read_text())}
    assert set(found) == {"Service", "Job"}
    return found


@pytest.fixture(scope="module")
def container(objects):
    (container,) = objects["Job"]["spec"]["template"]["spec"]["containers"]
    return container


def started(container, index, workers, tmp_path):
    """What the container's command starts, as python would receive it."""
    fake = tmp_path / "python"
    fake.write_text(
        f"#!{sys.executable}\nimport os, sys\nprint(os.environ['TF_CONFIG'])\nprint(sys.argv[1:])\n"
    )
    fake.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "WORKERS": str(workers),
        "JOB_COMPLETION_INDEX": str(index),
    }
    command = [*container["command"], *container["args"]]
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    config, arguments = printed.stdout.splitlines()
    return find_cluster({"TF_CONFIG": config}), arguments


@pytest.mark.parametrize("workers", [1, 2, 11])
def test_every_index_becomes_a_worker_of_the_same_cluster(container, tmp_path, workers):
    addresses = tuple(f"pretrain-{index}.pretrain:2222" for index in range(workers))
    for index in {0, 1 % workers, workers - 1}:
        cluster, _ = started(container, index, workers, tmp_path)
        assert cluster.addresses == addresses
        assert (cluster.kind, cluster.rank) == ("worker", index)


def test_flags_arrive_as_they_are_written_and_are_known(container, tmp_path):
    _, arguments = started(container, 0, 2, tmp_path)
    expected = ["-m", "clinicalbert_tf.pretrain", "--strategy=multi_worker", *container["args"]]
    assert arguments == str(expected)
    code = (
        "import sys; from absl import flags; from clinicalbert_tf import pretrain;"
        "flags.FLAGS(sys.argv); print(flags.FLAGS.strategy)"
    )
    flags = subprocess.run(
        [sys.executable, "-c", code, *expected[2:]], capture_output=True, text=True
    )
    assert flags.stdout == "multi_worker\n", flags.stderr


def test_names_of_the_pods_are_those_of_the_service_and_the_job(objects, container):
    service, job = objects["Service"], objects["Job"]
    assert service["metadata"]["name"] == job["spec"]["template"]["spec"]["subdomain"] == "pretrain"
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"] is True
    workers = int(next(item["value"] for item in container["env"] if item["name"] == "WORKERS"))
    assert job["spec"]["completions"] == job["spec"]["parallelism"] == workers


def test_stopped_pods_are_started_again_without_counting(objects, container):
    job = objects["Job"]["spec"]
    codes = job["podFailurePolicy"]["rules"][0]
    assert codes["action"] == "Ignore"
    assert codes["onExitCodes"]["containerName"] == container["name"]
    assert codes["onExitCodes"]["values"] == [exit_codes.PREEMPTED, exit_codes.WORKER_LOST]
    # What podFailurePolicy asks for.
    assert job["template"]["spec"]["restartPolicy"] == "Never"
    assert job["template"]["spec"]["terminationGracePeriodSeconds"] >= 60


def test_image_and_claim_are_the_users_own(objects, container):
    assert "/" not in container["image"]
    (volume,) = objects["Job"]["spec"]["template"]["spec"]["volumes"]
    (mount,) = container["volumeMounts"]
    assert volume["name"] == mount["name"]
    folders = [flag.split("=")[1] for flag in container["args"] if "=/" in flag]
    assert folders and all(folder.startswith(mount["mountPath"] + "/") for folder in folders)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
