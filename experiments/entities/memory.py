"""Peak memory of `run_i2b2 --do_predict` on one note, and on one of 100 times its length.

python -m clinicalbert_tf.run_i2b2 --output_dir=RUN          # or any other run
python experiments/entities/memory.py RUN
"""

import argparse
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

_SENTENCE = "The patient presented with chest pain and was given aspirin . "


def main() -> None:
    """Prints characters, entities, seconds and the peak of the process for both notes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="folder of a trained tagger")
    parser.add_argument("--characters", type=int, default=30_000)
    parser.add_argument("--times", type=int, default=100)
    values = parser.parse_args()
    base = values.characters // len(_SENTENCE)
    # The shorter note first: the peak of all children together is what the system keeps.
    for repeats in (base, base * values.times):
        with tempfile.TemporaryDirectory() as folder:
            notes = pathlib.Path(folder, "notes.jsonl")
            text = _SENTENCE * repeats
            notes.write_text(json.dumps({"note_id": "long", "text": text}) + "\n")
            output = pathlib.Path(folder, "entities.jsonl")
            started = time.monotonic()
            subprocess.run(
                [
                    *(sys.executable, "-m", "clinicalbert_tf.run_i2b2", "--do_predict"),
                    *(f"--output_dir={values.run}", f"--input={notes}", f"--output={output}"),
                ],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            seconds = time.monotonic() - started
            found = len(json.loads(output.read_text())["spans"])
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"{len(text):,} characters, {found:,} entities: {seconds:.0f} s, peak {peak:.0f} MB")


if __name__ == "__main__":
    main()
