"""`import clinicalbert_tf` is enough for Keras to load a model with this package's layers."""

import re
import subprocess
import sys

import keras
import pytest

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.keras_objects import CLASSES
from clinicalbert_tf.modeling import build_backbone
from tests.support import ROOT

CONFIG = BertConfig(
    vocab_size=20,
    hidden_size=8,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=12,
    max_position_embeddings=6,
    type_vocab_size=2,
)


def test_every_registered_class_is_listed_with_its_module():
    found = {}
    for path in (ROOT / "clinicalbert_tf" / "modeling").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        for name in re.findall(
            r"@keras.saving.register_keras_serializable\(.*\)\nclass (\w+)", text
        ):
            found[name] = path.stem
    assert found == CLASSES


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A user's own model on this package's backbone."""
    path = tmp_path_factory.mktemp("keras") / "model.keras"
    backbone = build_backbone(CONFIG)
    outputs = keras.layers.Dense(2)(backbone.output["pooled_output"])
    keras.Model(backbone.input, outputs).save(path)
    return path


@pytest.mark.parametrize(
    "imports",
    [
        "clinicalbert_tf, tensorflow, keras",
        pytest.param("clinicalbert_tf, keras", marks=pytest.mark.large),
        pytest.param("keras, clinicalbert_tf", marks=pytest.mark.large),
    ],
)
@pytest.mark.large
def test_a_model_is_loaded_in_a_new_process(saved, imports):
    code = (
        f"import sys, {imports}\n"
        "assert 'clinicalbert_tf.modeling' not in sys.modules\n"
        f"model = keras.saving.load_model({str(saved)!r})\n"
        "print({type(layer).__name__ for layer in model.layers} >= {'EncoderLayer'})\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "True", done.stderr[-1000:]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
