import pytest

from clinicalbert_tf.inference.settings import resolve_settings
from clinicalbert_tf.texts.rows import RowSource


def resolve(output_file, output_format="auto", stride=None, **others):
    return resolve_settings(
        RowSource("in.txt"), output_file, output_format, 128, stride, 32, **others
    )


@pytest.mark.parametrize(
    ("output_file", "output_format"),
    [
        ("a.parquet", "parquet"),
        ("a.NPZ", "npz"),
        ("a.tfrecord", "tfrecord"),
        ("a.tfrecord.gz", "tfrecord"),
        ("a.json", "jsonl"),
        ("features", "jsonl"),
    ],
)
def test_the_suffix_tells_the_format(output_file, output_format):
    assert resolve(output_file).output_format == output_format


def test_defaults_depend_on_the_format():
    tokens, vectors = resolve("a.jsonl"), resolve("a.npz")
    assert (tokens.layers_of(12), tokens.stride) == ((-1, -2, -3, -4), None)
    assert tokens.layers_of(3) == (-1, -2, -3)
    assert (vectors.layers_of(12), vectors.stride) == ((-1,), 94)
    assert resolve("a.npz", layers=(0, -2)).layers_of(12) == (0, -2)
    assert vectors.batch_tokens == 32 * 128
    assert resolve("a.jsonl", "npz").output_format == "npz"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stride": 127}, "stride from 1 to 126 .* received 127"),
        ({"stride": 0}, "stride from 1 to 126 .* received 0"),
        ({"output_format": "jsonl", "stride": 7}, "--stride for vectors only, received 7"),
        ({"output_format": "hdf5"}, "output_format .* received 'hdf5'"),
        ({"unit": "word"}, "unit .* received 'word'"),
        ({"output_format": "jsonl", "projector": "p"}, "--projector.* JSON lines"),
    ],
)
def test_settings_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        resolve("a.npz", **arguments)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
