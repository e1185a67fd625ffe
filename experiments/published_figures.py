"""Prints a run's test figure beside the published ones: published_figures.py TASK RUN_FOLDER."""

import json
import os
import sys

# Test figures in percent: accuracy for MedNLI, micro F1 over the named relations, F1 for GAD.
# Sources: Alsentzer et al. 2019 (W19-1909), table 2, compared with copies of it in public lecture
# notes; Peng et al. 2019, compared with the table in the README of ncbi-nlp/BLUE_Benchmark; Lee et
# al. 2019 (BioBERT). The three figures of BioBERT 1.1 were typed from memory and could not be
# compared with a copy: look them up before quoting.
PUBLISHED = {
    "mednli": {
        "BERT (Alsentzer et al.)": 77.6,
        "BioBERT (Alsentzer et al.)": 80.8,
        "Clinical BERT (Alsentzer et al.)": 80.8,
        "Bio+Clinical BERT (Alsentzer et al.)": 82.7,
        "BlueBERT base, PubMed and MIMIC (Peng et al.)": 84.0,
    },
    "bluebert_i2b2_2010": {"BlueBERT base, PubMed and MIMIC (Peng et al.)": 76.4},
    "i2b2_2010_relations": {"BlueBERT base, PubMed and MIMIC (Peng et al.)": 76.4},
    "bluebert_chemprot": {"BlueBERT base, PubMed and MIMIC (Peng et al.)": 69.2},
    "ddi": {"BlueBERT base, PubMed and MIMIC (Peng et al.)": 79.4},
    "chemprot": {"BioBERT 1.1 (Lee et al.)": 76.5},
    "gad": {"BioBERT 1.1 (Lee et al., ten folds)": 79.8},
    "euadr": {"BioBERT 1.1 (Lee et al., ten folds)": 79.7},
}


def main(task: str, folder: str) -> None:
    with open(os.path.join(folder, "metrics.json"), encoding="utf-8") as file:
        metrics = json.load(file)
    name = metrics["monitor"]["metric"]
    test = metrics["test"]
    interval = test.get("intervals", {}).get(name)
    around = f"  [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]" if interval else ""
    print(f"{task}, test, {name.replace('_', ' ')} in percent")
    print(f"  {'this run':50} {100 * test[name]:.1f}{around}")
    for model, value in PUBLISHED.get(task, {}).items():
        print(f"  {model:50} {value:.1f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
