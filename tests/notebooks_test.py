"""The notebooks run from the first cell to the last, in a fresh folder."""

import json
import os

import pytest

from tests import processes
from tests.support import GOLDEN, ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.large
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_runs(notebook, tmp_path):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    program = tmp_path / "notebook.py"
    program.write_text(code, encoding="utf-8")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "MODEL": str(GOLDEN / "tf1_checkpoint"),
    }
    done = processes.run([program], cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


def test_notebooks_hold_no_outputs():
    assert len(NOTEBOOKS) == 2
    for notebook in NOTEBOOKS:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        assert not any(cell.get("outputs") for cell in cells)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
