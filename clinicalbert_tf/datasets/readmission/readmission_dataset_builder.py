"""Readmission from clinical notes for tensorflow_datasets."""

import json
import os
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import tensorflow_datasets as tfds

_CONFIGS = {
    "discharge": "Discharge summaries.",
    "early_2": "Notes of the first 2 days.",
    "early_3": "Notes of the first 3 days.",
}
_SPLIT_NAMES = {"train": "train", "validation": "dev", "test": "test"}


class Builder(tfds.core.GeneratorBasedBuilder):
    """Readmission within 30 days, one example per chunk of an admission's notes.

    The configurations are discharge, early_2 and early_3:
    tfds.load("readmission/discharge", data_dir=...).
    """

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS: ClassVar = [
        tfds.core.BuilderConfig(name=name, description=description)
        for name, description in _CONFIGS.items()
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Make the files with `python -m clinicalbert_tf.datasets.readmission --admissions ADMISSIONS.csv
    --notes NOTEEVENTS.csv --output_dir MANUAL_FOLDER`.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        features = {name: tfds.features.Text() for name in ("id", "subject_id", "text")}
        features |= {
            "chunk": tfds.features.Scalar(np.int32),
            "label": tfds.features.ClassLabel(names=["0", "1"]),
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("text", "label"),
            # Examples come in the files' order.
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        folder = os.path.join(os.fspath(dl_manager.manual_dir), self.builder_config.name)
        return {
            name: self._generate_examples(os.path.join(folder, f"{side}.jsonl"))
            for name, side in _SPLIT_NAMES.items()
        }

    def _generate_examples(self, path: str) -> Iterator[tuple[int, dict]]:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file):
                yield number, json.loads(line)
