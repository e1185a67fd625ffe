"""Any files of entities: columns, JSON lines with spans, brat or i2b2 XML."""

from clinicalbert_tf.datasets.tfds_entities import EntityBuilder


class Builder(EntityBuilder):
    """Any files of entities: columns, JSON lines with spans, brat or i2b2 XML."""

    TASK_NAME = "conll"
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Put one file or folder per part into the manual folder: train.tsv, dev.tsv and test.tsv of
    columns in BIO, BIOES or IOB1; train.jsonl ... with spans; or train/ ... with brat or i2b2 XML
    files.
    """
