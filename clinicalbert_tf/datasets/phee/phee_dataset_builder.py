"""PHEE: the type of the events in a case report's sentence."""

from clinicalbert_tf.datasets.tfds_examples import ClassificationBuilder


class Builder(ClassificationBuilder):
    """PHEE: the type of the events in a case report's sentence."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Download data/json/train.json, dev.json and test.json of https://github.com/ZhaoyueSun/PHEE
    into the manual folder.
    """
