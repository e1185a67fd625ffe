"""TF2 object-based checkpoints: the layouts that tensorflow/models wrote, made from the golden one.

The attribute names below are those of its classes, as its own converter's checkpoints have them.
"""

import dataclasses
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.checkpoints.readers.tf1 import CorruptCheckpointError
from clinicalbert_tf.checkpoints.readers.tf2_object import is_object_checkpoint, read_tf2_checkpoint
from clinicalbert_tf.checkpoints.source import check_tensors
from clinicalbert_tf.config import BertConfig
from tests import support

GOLDEN = support.GOLDEN / "tf1_checkpoint"
PREFIX = str(GOLDEN / "model.ckpt-150000")
CONFIG = BertConfig.from_json_file(GOLDEN / "bert_config.json")
HEADS = CONFIG.num_attention_heads
POOLER = ("bert/pooler/dense/kernel", "bert/pooler/dense/bias")


def node(**children):
    """An object with these attributes; tf.train.Checkpoint saves whatever hangs on it."""
    saved = tf.Module()
    for name, child in children.items():
        setattr(saved, name, child)
    return saved


def layer(arrays, scope, kernel=None, bias=None):
    variables = {}
    for name, shape in (("kernel", kernel), ("bias", bias), ("gamma", None), ("beta", None)):
        if f"{scope}/{name}" in arrays:
            array = arrays[f"{scope}/{name}"]
            variables[name] = tf.Variable(array.reshape(shape or array.shape))
    return node(**variables)


def block(arrays, number, style):
    """One encoder layer: "new", "old" (2020: the output projection outside), "2019"."""
    scope = f"bert/encoder/layer_{number}"
    mark = "" if style == "2019" else "_"
    folded = style != "2019"
    kernel, bias = ((48, HEADS, 12), (HEADS, 12)) if folded else (None, None)
    attention = {
        f"{mark}{name}_dense": layer(arrays, f"{scope}/attention/self/{name}", kernel, bias)
        for name in ("query", "key", "value")
    }
    output = layer(arrays, f"{scope}/attention/output/dense", (HEADS, 12, 48) if folded else None)
    children = {} if style == "new" else {f"{mark}attention_output_dense": output}
    if style == "new":
        attention["_output_dense"] = output
    children[f"{mark}attention_layer"] = node(**attention)
    children[f"{mark}attention_layer_norm"] = layer(arrays, f"{scope}/attention/output/LayerNorm")
    children[f"{mark}intermediate_dense"] = layer(arrays, f"{scope}/intermediate/dense")
    children[f"{mark}output_dense"] = layer(arrays, f"{scope}/output/dense")
    children[f"{mark}output_layer_norm"] = layer(arrays, f"{scope}/output/LayerNorm")
    return node(**children)


def embedding(arrays, kind, **others):
    return node(embeddings=tf.Variable(arrays[f"bert/embeddings/{kind}_embeddings"]), **others)


def functional_encoder(arrays, style="new"):
    """BertEncoder: layer_with_weights-N in order, inputs and masks between them without weights."""
    layers = [embedding(arrays, kind) for kind in ("word", "position", "token_type")]
    layers.append(layer(arrays, "bert/embeddings/LayerNorm"))
    layers += [block(arrays, number, style) for number in range(CONFIG.num_hidden_layers)]
    layers.append(layer(arrays, "bert/pooler/dense"))
    children = {f"layer_with_weights-{i}": item for i, item in enumerate(layers)}
    children |= {f"layer-{2 * i}": item for i, item in enumerate(layers)}
    return node(**children, **{"layer-1": node()})


def encoder_v2(arrays):
    return node(
        _embedding_layer=embedding(arrays, "word"),
        _position_embedding_layer=embedding(arrays, "position"),
        _type_embedding_layer=embedding(arrays, "token_type"),
        _embedding_norm_layer=layer(arrays, "bert/embeddings/LayerNorm"),
        _transformer_layers=[block(arrays, n, "new") for n in range(CONFIG.num_hidden_layers)],
        _pooler_layer=layer(arrays, "bert/pooler/dense"),
    )


def model_of_2019(arrays):
    positions = tf.Variable(arrays["bert/embeddings/position_embeddings"])
    types = tf.Variable(arrays["bert/embeddings/token_type_embeddings"])
    layers = [block(arrays, n, "2019") for n in range(CONFIG.num_hidden_layers)]
    bert = node(
        embedding_lookup=embedding(arrays, "word"),
        embedding_postprocessor=node(
            position_embeddings=positions,
            type_embeddings=types,
            output_layer_norm=layer(arrays, "bert/embeddings/LayerNorm"),
        ),
        encoder=node(layers=layers),
        pooler_transform=layer(arrays, "bert/pooler/dense"),
    )
    return node(**{"layer-0": node(), "layer-3": bert, "layer_with_weights-0": bert})


def masked_lm(arrays, table):
    head = node(
        embedding_table=table,
        dense=layer(arrays, "cls/predictions/transform/dense"),
        layer_norm=layer(arrays, "cls/predictions/transform/LayerNorm"),
    )
    setattr(head, "output_bias/bias", tf.Variable(arrays["cls/predictions/output_bias"]))
    return head


def next_sentence_logits(arrays):
    kernel = arrays["cls/seq_relationship/output_weights"].T
    bias = arrays["cls/seq_relationship/output_bias"]
    return node(kernel=tf.Variable(kernel), bias=tf.Variable(bias))


def pretrainer_v2(arrays):
    """BertPretrainerV2 with its checkpoint_items; its encoder's own pooler was never trained."""
    untrained = {name: np.zeros_like(arrays[name]) for name in POOLER}
    encoder = encoder_v2({**arrays, **untrained})
    lm = masked_lm(arrays, encoder._embedding_layer.embeddings)
    pooler = layer(arrays, "bert/pooler/dense")
    head = node(dense=pooler, out_proj=next_sentence_logits(arrays))
    model = node(encoder_network=encoder, masked_lm=lm, classification_heads=[head])
    return {
        "model": model,
        "encoder": encoder,
        "masked_lm": lm,
        "next_sentence.pooler_dense": pooler,
    }


def pretrainer(arrays):
    """BertPretrainer: one functional model of encoder, classification and masked_lm."""
    encoder = functional_encoder(arrays)
    words = getattr(encoder, "layer_with_weights-0").embeddings
    classification = node(**{"layer_with_weights-0": next_sentence_logits(arrays)})
    lm = masked_lm(arrays, words)
    children = {"encoder": encoder, "classification": classification, "masked_lm": lm}
    numbered = {f"layer_with_weights-{i}": child for i, child in enumerate(children.values())}
    return {"model": node(**numbered, **children)}


def save(folder, configured=True, **items):
    saved = tf.train.Checkpoint()
    for name, item in items.items():
        setattr(saved, name, item)
    saved.save(str(folder / "bert_model.ckpt"))
    if configured:
        shutil.copy(GOLDEN / "bert_config.json", folder)
        shutil.copy(GOLDEN / "vocab.txt", folder)
    return str(folder / "bert_model.ckpt-1")


LAYOUTS = {
    "functional": lambda a: {"model": functional_encoder(a)},
    "functional of 2020": lambda a: {"encoder": functional_encoder(a, "old")},
    "v2": lambda a: {"encoder": encoder_v2(a)},
    "2019": lambda a: {"model": model_of_2019(a)},
    "pretrainer": pretrainer,
    "pretrainer v2": pretrainer_v2,
}


class ObjectCheckpointTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        reader = tf.train.load_checkpoint(PREFIX)
        names = [n for n in reader.get_variable_to_shape_map() if "adam" not in n]
        cls.arrays = {name: reader.get_tensor(name) for name in names if name != "global_step"}

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.get_temp_dir())

    @parameterized.parameters(*LAYOUTS)
    def test_every_layout_gives_the_golden_weights_to_the_bit(self, layout):
        source = read_tf2_checkpoint(save(self.folder, **LAYOUTS[layout](self.arrays)))
        whole = layout.startswith("pretrainer")
        expected = {n: a for n, a in self.arrays.items() if whole or not n.startswith("cls/")}
        self.assertEqual(set(source.tensors), set(expected))
        for name, array in expected.items():
            self.assertEqual(source.tensors.shapes[name], array.shape)
            self.assertAllEqual(source.tensors[name], array, msg=name)
        self.assertEqual((source.kind, source.config, source.gelu), ("tf2_object", CONFIG, "tanh"))
        self.assertEqual(source.vocab_file, str(self.folder / "vocab.txt"))
        self.assertLen(check_tensors(source).missing, 0 if whole else 7)
        self.assertIn("save_counter/.ATTRIBUTES/VARIABLE_VALUE", source.ignored)

    def test_an_untrained_pooler_of_the_encoder_is_passed_over(self):
        source = read_tf2_checkpoint(save(self.folder, **pretrainer_v2(self.arrays)))
        self.assertTrue(np.any(source.tensors[POOLER[0]]))
        self.assertIn("encoder/_pooler_layer/kernel/.ATTRIBUTES/VARIABLE_VALUE", source.ignored)

    def test_more_than_ten_layers_keep_their_order(self):
        config = dataclasses.replace(CONFIG, num_hidden_layers=12)
        arrays = {n: a for n, a in self.arrays.items() if "/encoder/" not in n} | {
            name.replace("layer_0", f"layer_{number}"): array + number
            for name, array in self.arrays.items()
            if "/layer_0/" in name
            for number in range(12)
        }
        layers = [block(arrays, number, "new") for number in range(12)]
        first = functional_encoder(arrays)
        children = {f"layer_with_weights-{i + 4}": item for i, item in enumerate(layers)}
        children |= {
            f"layer_with_weights-{i}": getattr(first, f"layer_with_weights-{i}") for i in range(4)
        }
        prefix = save(self.folder, configured=False, encoder=node(**children))
        source = read_tf2_checkpoint(prefix, config)
        for number in range(12):
            name = f"bert/encoder/layer_{number}/output/dense/bias"
            self.assertAllEqual(source.tensors[name], arrays[name])

    def test_optimizer_and_other_heads_are_passed_over(self):
        encoder = functional_encoder(self.arrays)
        optimizer = node(iterations=tf.Variable(3), m=tf.Variable([1.0, 2.0]))
        classifier = node(kernel=tf.Variable(np.ones((48, 3), "f4")))
        model = node(**{"layer_with_weights-0": encoder, "layer_with_weights-1": classifier})
        source = read_tf2_checkpoint(save(self.folder, model=model, optimizer=optimizer))
        self.assertLen(source.tensors, 55)
        self.assertIn("optimizer/m/.ATTRIBUTES/VARIABLE_VALUE", source.ignored)
        self.assertIn(
            "model/layer_with_weights-1/kernel/.ATTRIBUTES/VARIABLE_VALUE", source.ignored
        )

    def test_without_a_configuration_the_shapes_tell_it(self):
        source = read_tf2_checkpoint(
            save(self.folder, configured=False, model=functional_encoder(self.arrays))
        )
        dropout = {"hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1}
        self.assertEqual(source.config, dataclasses.replace(CONFIG, **dropout))
        self.assertIsNone(source.vocab_file)
        self.assertIn("from the shapes", source.remarks[0])

    def test_shapes_that_do_not_tell_the_heads_need_a_configuration(self):
        prefix = save(self.folder, configured=False, model=model_of_2019(self.arrays))
        with self.assertRaisesRegex(ValueError, r"expected a bert_config\.json next to"):
            read_tf2_checkpoint(prefix)

    @parameterized.parameters(
        ({"num_attention_heads": 6}, "num_attention_heads 6 .* received 4"),
        ({"num_hidden_layers": 2}, "not in the configuration: bert/encoder/layer_2"),
        ({"num_hidden_layers": 4}, "missing: bert/encoder/layer_3/attention"),
        ({"intermediate_size": 64}, r"intermediate/dense/kernel: expected \[48, 64\], received"),
    )
    def test_a_configuration_that_does_not_fit_is_an_error(self, change, named):
        prefix = save(self.folder, model=functional_encoder(self.arrays))
        with self.assertRaisesRegex(ValueError, named):
            check_tensors(read_tf2_checkpoint(prefix, dataclasses.replace(CONFIG, **change)))

    def test_what_is_no_bert_is_refused(self):
        prefix = save(self.folder, model=node(dense=tf.Variable([1.0])))
        with self.assertRaisesRegex(ValueError, "received no encoder layers of a known layout"):
            read_tf2_checkpoint(prefix)

    def test_a_factorized_embedding_is_refused(self):
        encoder = functional_encoder(self.arrays)
        layers = [getattr(encoder, f"layer_with_weights-{i}") for i in range(8)]
        layers.insert(3, node(kernel=tf.Variable([1.0])))
        numbered = {f"layer_with_weights-{i}": item for i, item in enumerate(layers)}
        with self.assertRaisesRegex(ValueError, r"5 layers before .*ALBERT"):
            read_tf2_checkpoint(save(self.folder, model=node(**numbered)))

    def test_two_encoders_are_refused(self):
        two = {"a": functional_encoder(self.arrays), "b": functional_encoder(self.arrays)}
        with self.assertRaisesRegex(ValueError, "6 encoder layers that belong to 2 encoders"):
            read_tf2_checkpoint(save(self.folder, **two))

    def test_a_checkpoint_of_names_is_told_apart(self):
        self.assertFalse(is_object_checkpoint(PREFIX))
        self.assertTrue(
            is_object_checkpoint(save(self.folder, model=functional_encoder(self.arrays)))
        )
        with self.assertRaisesRegex(
            ValueError, "expected a TF2 object-based checkpoint, received one of"
        ):
            read_tf2_checkpoint(PREFIX)

    def test_a_damaged_checkpoint_is_an_error(self):
        save(self.folder, model=functional_encoder(self.arrays))
        (data,) = self.folder.glob("*.data-*")
        data.write_bytes(data.read_bytes()[:5000])
        with self.assertRaisesRegex(CorruptCheckpointError, "damaged"):
            source = read_tf2_checkpoint(self.folder)
            [source.tensors[name] for name in source.tensors]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
