"""What the tensorflow_datasets builders share: the commands' examples, in their order."""

import os
from collections.abc import Iterator
from typing import Any

import tensorflow_datasets as tfds

from clinicalbert_tf.datasets.classification.catalogue import find_dataset
from clinicalbert_tf.datasets.classification.examples import Split
from clinicalbert_tf.datasets.classification.reading import read_dataset
from clinicalbert_tf.datasets.classification.settings import DataSettings

# tensorflow_datasets' names of the splits.
SPLIT_NAMES = {"train": "train", "dev": "validation", "test": "test"}


class ClassificationBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A builder over datasets.classification: features `id`, `text_a`, `text_b` of pairs, `label`.

    A label is -1 if the release says none. The raw files lie in the manual folder (DATA_DIR/
    downloads/manual), in a folder of the data set's name there, or in DATA_DIR itself, packed as
    released or not.
    """

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Put the released files into the manual folder."

    def _info(self) -> tfds.core.DatasetInfo:
        spec = find_dataset(self.name)
        features = {"id": tfds.features.Text(), "text_a": tfds.features.Text()}
        if spec.is_pair:
            features["text_b"] = tfds.features.Text()
        features["label"] = tfds.features.ClassLabel(names=list(spec.labels))
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            supervised_keys=None if spec.is_pair else ("text_a", "label"),
            # Examples come in the file's order.
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        data = self._read(dl_manager)
        return {
            SPLIT_NAMES[name]: self._generate_examples(split) for name, split in data.splits.items()
        }

    def _generate_examples(self, split: Split) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, example in enumerate(split.examples):
            values = {"id": example.id, "text_a": example.text_a}
            if "text_b" in self.info.features:
                values["text_b"] = example.text_b
            values["label"] = -1 if example.label is None else example.label
            yield number, values

    def _read(self, dl_manager: tfds.download.DownloadManager):
        spec = find_dataset(self.name)
        missing = None
        for folder in release_folders(self, dl_manager):
            try:
                return read_dataset(spec, DataSettings(data_dir=folder))
            except FileNotFoundError as error:
                missing = missing or error
        raise FileNotFoundError(f"{missing} {self.MANUAL_DOWNLOAD_INSTRUCTIONS}")


def release_folders(
    builder: tfds.core.DatasetBuilder, dl_manager: tfds.download.DownloadManager
) -> list[str]:
    """The folders in which a builder's released files may lie, the first choice first."""
    root = os.fspath(builder._data_dir_root)
    try:
        manual = os.fspath(dl_manager.manual_dir)
    except AssertionError:
        # tensorflow_datasets' way to say that the manual folder is not there, or empty.
        return [root]
    return [os.path.join(manual, builder.name), manual, root]
