"""ChemProt: chemical-protein relations, in BioBERT's files."""

from clinicalbert_tf.datasets.tfds_examples import ClassificationBuilder


class Builder(ClassificationBuilder):
    """ChemProt: chemical-protein relations, in BioBERT's files."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Download BioBERT's relation data (https://github.com/dmis-lab/biobert) and put train.tsv,
    dev.tsv and test.tsv of CHEMPROT into the manual folder.
    """
