"""COVID-19 questions: pairs with the same meaning or not."""

from clinicalbert_tf.datasets.tfds_examples import ClassificationBuilder


class Builder(ClassificationBuilder):
    """COVID-19 questions: pairs with the same meaning or not."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Download data/eval_question_similarity_en.csv of https://github.com/deepset-ai/COVID-QA into
    the manual folder.
    """
