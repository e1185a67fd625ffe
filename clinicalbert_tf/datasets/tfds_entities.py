"""What the tensorflow_datasets builders of entity sets share: run_i2b2's sentences, in order."""

import os
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import tensorflow_datasets as tfds

from clinicalbert_tf.datasets.entity_sets import EntitySet, read_entity_set
from clinicalbert_tf.datasets.labelled_words import Sentence
from clinicalbert_tf.datasets.tfds_examples import SPLIT_NAMES, release_folders
from clinicalbert_tf.texts.tags import join_tag


class EntityBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A builder over datasets.entity_sets: features `id`, `document`, `patient`, `tokens`, `tags`.

    Examples are sentences; `tags` has a BIO label per token. The raw files lie where those of the
    classification data sets do, see tfds_examples. What run_i2b2 reads with its default settings
    is what comes out, and the dev part that it takes from a release without one.

    Attributes:
        TASK_NAME: one of datasets.entity_sets.ENTITY_TASKS.
        TYPES: the types of entities; () if only the files say, and tags are then texts.
    """

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Put the released files into the manual folder."
    TASK_NAME: ClassVar[str]
    TYPES: ClassVar[Sequence[str]] = ()

    def _info(self) -> tfds.core.DatasetInfo:
        labels = [join_tag(prefix, kind) for kind in self.TYPES for prefix in "BI"]
        tag = tfds.features.ClassLabel(names=[*labels, "O"]) if self.TYPES else tfds.features.Text()
        features = {name: tfds.features.Text() for name in ("id", "document", "patient")}
        features |= {
            "tokens": tfds.features.Sequence(tfds.features.Text()),
            "tags": tfds.features.Sequence(tag),
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("tokens", "tags"),
            # Sentences come in the documents' order.
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        found = self._read(dl_manager)
        known = {join_tag(prefix, kind) for kind in self.TYPES for prefix in "BI"} | {"O"}
        unknown = sorted(set(found.labels) - known)
        if self.TYPES and unknown:
            raise ValueError(
                f"{found.files[0]}: expected the labels of {self.name} ({', '.join(self.TYPES)}), "
                f"received {', '.join(unknown)} too. Read the folder as conll_entities, which "
                "takes any label."
            )
        return {
            SPLIT_NAMES[part]: self._generate_examples(part, sentences)
            for part, sentences in found.parts.items()
        }

    def _generate_examples(
        self, part: str, sentences: Sequence[Sentence]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, sentence in enumerate(sentences):
            yield (
                number,
                {
                    # As in run_i2b2's predictions.
                    "id": f"{part}-{number}",
                    "document": sentence.document,
                    "patient": sentence.patient,
                    "tokens": list(sentence.words),
                    "tags": list(sentence.labels),
                },
            )

    def _read(self, dl_manager: tfds.download.DownloadManager) -> EntitySet:
        missing = None
        for folder in release_folders(self, dl_manager):
            if not os.path.isdir(folder):
                continue
            try:
                return read_entity_set(self.TASK_NAME, folder)
            except FileNotFoundError as error:
                missing = missing or error
        raise FileNotFoundError(f"{missing or ''} {self.MANUAL_DOWNLOAD_INSTRUCTIONS}".strip())
