"""PubMedQA: questions that an abstract answers yes, no or maybe."""

from clinicalbert_tf.datasets.tfds_examples import ClassificationBuilder


class Builder(ClassificationBuilder):
    """PubMedQA: questions that an abstract answers yes, no or maybe."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Download data/ori_pqal.json and data/test_ground_truth.json of
    https://github.com/pubmedqa/pubmedqa into the manual folder.
    """
