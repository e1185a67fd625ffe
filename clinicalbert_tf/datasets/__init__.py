"""Data sets of the clinical tasks: tables and released folders in, labelled examples out.

Importing this package makes the data sets in TFDS_DATASETS known to tensorflow_datasets:

    import clinicalbert_tf.datasets
    tfds.load("mednli", data_dir="...")

Neither TensorFlow nor a builder is imported before one of them is asked for.
"""

from tensorflow_datasets.core import registered

from clinicalbert_tf.datasets.tfds_provider import TFDS_DATASETS, ClinicalDatasets

__all__ = ["TFDS_DATASETS"]

# First in the row: tensorflow_datasets' own provider imports all its builders to say that it has
# none of these names.
registered.add_dataset_builder_provider(ClinicalDatasets(), index=0)
