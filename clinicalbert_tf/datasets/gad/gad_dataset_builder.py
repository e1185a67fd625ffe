"""GAD: gene-disease relations, in BioBERT's files."""

from clinicalbert_tf.datasets.tfds_examples import ClassificationBuilder


class Builder(ClassificationBuilder):
    """GAD: gene-disease relations, in BioBERT's files."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Download BioBERT's relation data (https://github.com/dmis-lab/biobert) and put train.tsv and
    test.tsv (and dev.tsv if there is one) of one fold of GAD into the manual folder.
    """
