"""The two-phase recipe runs as it stands, at its tiny size."""

import json
import os
import subprocess
import sys

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.support import ROOT


def masked_lm_losses(folder):
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    return [event.value for event in events.Scalars("masked_lm_loss")]


@pytest.mark.large
def test_second_phase_goes_on_with_the_weights_of_the_first_on_longer_records(tmp_path):
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", str(ROOT / "experiments/two_phase/run.sh"), str(tmp_path)],
        cwd=ROOT, env={**os.environ, "PATH": path, "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lengths = []
    for name in ("phase_1", "phase_2"):
        record = json.loads((tmp_path / name / "run.json").read_text())
        lengths.append(record["inputs"]["records"]["max_seq_length"])
    assert lengths == [32, 128]
    first, second = masked_lm_losses(tmp_path / "phase_1"), masked_lm_losses(tmp_path / "phase_2")
    assert len(first) == len(second) == 60
    # Nearer to where the first phase ended than to where it began.
    assert abs(second[0] - first[-1]) < abs(second[0] - first[0])
    assert "global_step = 60" in (tmp_path / "phase_2" / "eval_results.txt").read_text()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
