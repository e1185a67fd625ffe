"""GAD: gene-disease relations, in BLURB's split."""

from clinicalbert_tf.datasets.tfds_examples import ClassificationBuilder


class Builder(ClassificationBuilder):
    """GAD: gene-disease relations, in BLURB's split."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Build BLURB's data (https://microsoft.github.io/BLURB) and put train.tsv, dev.tsv and test.tsv
    of GAD, with the header index, sentence, label, into the manual folder.
    """
