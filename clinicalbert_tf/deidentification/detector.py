"""A trained model of this software as a function from a text to spans."""

import functools
import inspect

from clinicalbert_tf.deidentification.found import DEFAULT_THRESHOLD, Detector


def load_detector(folder: str, min_probability: float | None = None) -> Detector:
    """Loads a model for entities.

    Args:
        folder: a run folder of run_i2b2.
        min_probability: also words outside all entities whose most likely type is at least so
            probable: what an operating point for a high recall needs. None for the entities alone.

    Returns:
        A function text -> [{"start", "end", "label", "probability"}].

    Raises:
        ImportError: this installation has no pipeline.
        ValueError: there is no such model, or it is none for entities.
    """
    try:
        from clinicalbert_tf import pipeline
    except ImportError as error:
        raise ImportError(
            f"--model needs clinicalbert_tf.pipeline, which cannot be imported ({error}). Without "
            "--model the rules alone are used."
        ) from error
    found = pipeline("entities", folder)
    if min_probability is None or "min_probability" not in inspect.signature(found).parameters:
        return found
    return functools.partial(found, min_probability=min_probability)


def lowest(thresholds: dict[str, float] | None) -> float | None:
    """Returns the `min_probability` that thresholds need."""
    return None if thresholds is None else min([DEFAULT_THRESHOLD, *thresholds.values()])
