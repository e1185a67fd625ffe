"""Files' first records: what they hold and how long it is, against each other and manifests."""

from clinicalbert_tf.input_pipeline.features import record_arrays
from clinicalbert_tf.input_pipeline.masking_rule import DYNAMIC, masking_kind
from tfrecords_builder import schema, tfrecord_files


def first_records(paths: list[str]) -> tuple[dict[str, tuple[int, int | None]], int, int]:
    """(max_seq_length, max_predictions_per_seq) by file; the largest wordpiece and segment ids.

    The second is None if a record has no predictions at all: it is to be masked yet.
    """
    lengths, largest, largest_segment = {}, 0, 0
    for path in paths:
        try:
            arrays = record_arrays(tfrecord_files.first_record(path))
        except tfrecord_files.CorruptRecordsError:
            raise
        except ValueError as error:
            raise ValueError(
                f"{path}: expected pretraining records, its first record is {error}. "
                "Name files that create_pretraining_data wrote."
            ) from None
        unmasked = not any(name in arrays for name in schema.PREDICTION_FEATURES)
        needed = [
            name
            for name in schema.RECORD_FEATURES
            if not (unmasked and name in schema.PREDICTION_FEATURES)
        ]
        missing = [name for name in needed if name not in arrays]
        if missing:
            raise ValueError(
                f"{path}: expected the features {', '.join(schema.RECORD_FEATURES)}; its first "
                f"record lacks {', '.join(missing)}. Name files of pretraining records."
            )
        of_tokens = {len(arrays[name]) for name in schema.SEQUENCE_FEATURES}
        of_predictions = {
            None if unmasked else len(arrays[name]) for name in schema.PREDICTION_FEATURES
        }
        if len(of_tokens) > 1 or len(of_predictions) > 1:
            raise ValueError(
                f"{path}: expected features of equal lengths, its first record has "
                f"{sorted(of_tokens)} tokens and {sorted(of_predictions)} predictions. Rebuild it."
            )
        lengths[path] = (of_tokens.pop(), of_predictions.pop())
        ids = [arrays[name] for name in ("input_ids", "masked_lm_ids") if name in arrays]
        largest = max(largest, *(int(values.max()) for values in ids))
        largest_segment = max(largest_segment, int(arrays["segment_ids"].max()))
    return lengths, largest, largest_segment


def check_kinds(lengths, manifest_files, manifests) -> dict[str, tuple[int, int]]:
    """Lengths with the manifest's number of predictions for records that have none yet.

    Args:
        lengths: as `first_records` returns them.
        manifest_files: the manifest file by path, of files that have one.
        manifests: (manifest file, manifest) pairs.

    Raises:
        ValueError: unmasked records have no manifest, or it says that they are masked, or the
            other way round; or some files are masked and others not.
    """
    by_file, complete = dict(manifests), {}
    kinds = {predictions is None: path for path, (_, predictions) in lengths.items()}
    if len(kinds) > 1:
        raise ValueError(
            f"Records are unmasked in {kinds[True]} but masked in {kinds[False]}. Train on records "
            "that were built with one --masking."
        )
    for path, (tokens, predictions) in lengths.items():
        file = manifest_files.get(path)
        stated = masking_kind(by_file[file]) if file else None
        if predictions is None and stated is None:
            raise ValueError(
                f"{path}: expected the features {', '.join(schema.PREDICTION_FEATURES)}, or a "
                f"{schema.MANIFEST_NAME} beside the file that says how to mask it; received "
                "neither. Name the whole folder of unmasked records, or masked records."
            )
        if stated is not None and (stated == DYNAMIC) != (predictions is None):
            found = "unmasked" if predictions is None else "masked"
            raise ValueError(
                f"masking is {stated} in {file} but the first record of {path} is {found}. "
                "Rebuild the records."
            )
        if predictions is None:
            predictions = by_file[file].settings["max_predictions_per_seq"]
        complete[path] = (tokens, predictions)
    return complete


def check_lengths(lengths, manifests, *given) -> tuple[int, int]:
    """The two lengths, after every place that states them has been compared."""
    names = ("max_seq_length", "max_predictions_per_seq")
    stated = [
        (f"in {file}", tuple(manifest.settings.get(name) for name in names))
        for file, manifest in manifests
    ] + [(f"in the first record of {path}", found) for path, found in lengths.items()]
    place, expected = stated[0]
    for position, name in enumerate(names):
        if given[position] is not None and given[position] != expected[position]:
            raise ValueError(
                f"{name} is {expected[position]} {place} but --{name}={given[position]}. "
                "Rebuild the records or drop the flag."
            )
        for other_place, other in stated[1:]:
            if other[position] != expected[position]:
                raise ValueError(
                    f"{name} is {expected[position]} {place} but {other[position]} "
                    f"{other_place}. Train on records that were built with one setting."
                )
    return expected
