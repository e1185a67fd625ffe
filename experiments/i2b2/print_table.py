"""Prints exact test F1 of the runs of run.sh beside the published figures.

Source: Alsentzer et al. 2019 (W19-1909), table 2: exact F1, percent; all 24 figures agree with
copies of the table in public lecture notes (the paper itself could not be reached from here).
"""

import json
import os
import sys

TASKS = ("i2b2_2006", "i2b2_2010", "i2b2_2012", "i2b2_2014")
PUBLISHED = {
    "BERT": (93.9, 83.5, 75.9, 92.8),
    "BioBERT": (94.8, 86.5, 78.9, 93.0),
    "Clinical BERT": (91.5, 86.4, 78.5, 92.6),
    "Discharge Summary BERT": (91.9, 86.4, 78.4, 92.8),
    "Bio+Clinical BERT": (94.7, 87.2, 78.9, 92.5),
    "Bio+Discharge Summary BERT": (94.8, 87.8, 78.9, 92.7),
}


def main(runs: str) -> None:
    """Prints the table of the runs in a folder."""
    print("| model | " + " | ".join(TASKS) + " |")
    print("|---|" + "---|" * len(TASKS))
    for model, figures in PUBLISHED.items():
        print(f"| {model}, published | " + " | ".join(map(str, figures)) + " |")
    print("| this run | " + " | ".join(_figure(runs, task) for task in TASKS) + " |")


def _figure(runs: str, task: str) -> str:
    try:
        with open(os.path.join(runs, task, "summary.json"), encoding="utf-8") as file:
            return f"{100 * json.load(file)['test']['f1']:.1f}"
    except FileNotFoundError:
        return "not run"


if __name__ == "__main__":
    main(sys.argv[1])
