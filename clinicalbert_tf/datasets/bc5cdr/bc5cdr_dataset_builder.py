"""BC5CDR: chemicals and diseases in PubMed abstracts."""

from clinicalbert_tf.datasets.tfds_entities import EntityBuilder


class Builder(EntityBuilder):
    """BC5CDR: chemicals and diseases in PubMed abstracts."""

    TASK_NAME = "conll"
    TYPES = ("Chemical", "Disease")
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Put train.tsv, devel.tsv and test.tsv of columns (BC5CDR-IOB of Crichton et al. 2017,
    https://github.com/cambridgeltl/MTL-Bioinformatics-2016) into the manual
    folder, plain or gzipped.
    """
