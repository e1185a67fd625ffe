"""MedNLI 1.0.0: natural language inference on clinical sentences."""

from clinicalbert_tf.datasets.tfds_examples import ClassificationBuilder


class Builder(ClassificationBuilder):
    """MedNLI 1.0.0: natural language inference on clinical sentences."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Sign PhysioNet's data use agreement, download
    https://physionet.org/content/mednli/1.0.0/ and put the zip archive, or the files
    mli_train_v1.jsonl, mli_dev_v1.jsonl and mli_test_v1.jsonl, into the manual folder.
    """
