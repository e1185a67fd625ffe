"""A trained model of this software as a function from a text to spans."""

import inspect

from clinicalbert_tf.deidentification.found import Detector


def load_detector(folder: str, sensitive: bool = False) -> Detector:
    """Loads a model for entities.

    Args:
        folder: a run folder of run_i2b2.
        sensitive: also spans that are less likely than no entity, if the pipeline can give them:
            what an operating point for a high recall needs.

    Returns:
        A function text -> [{"start", "end", "label", "probability"}].

    Raises:
        ImportError: this installation has no pipeline for entities.
    """
    try:
        from clinicalbert_tf import pipeline
    except ImportError as error:
        raise ImportError(
            f"--model needs clinicalbert_tf.pipeline, which cannot be imported ({error}). Without "
            "--model the rules alone are used."
        ) from error
    found = pipeline("entities", folder)
    if sensitive and "min_probability" in inspect.signature(found.__call__).parameters:
        return lambda text: found(text, min_probability=0.0)
    return found
