"""The data sets that tensorflow_datasets finds here, by name."""

import importlib

# One folder each: NAME/NAME_dataset_builder.py with its card beside it.
TFDS_DATASETS = (
    "bc5cdr",
    "chemprot",
    "conll_entities",
    "covid_question_pairs",
    "gad",
    "gad_blurb",
    "i2b2_2006",
    "i2b2_2010",
    "i2b2_2010_relations",
    "i2b2_2012",
    "i2b2_2014",
    "mednli",
    "ncbi_disease",
    "phee",
    "pubmedqa",
    "readmission",
)


class ClinicalDatasets:
    """tensorflow_datasets' DatasetBuilderProvider; imports a builder when it is used."""

    def has_dataset(self, name: str) -> bool:
        """Whether this package has a data set of that name."""
        return name in TFDS_DATASETS

    def get_builder_cls(self, name: str):
        """The builder class of a data set."""
        module = importlib.import_module(f"clinicalbert_tf.datasets.{name}.{name}_dataset_builder")
        return module.Builder
