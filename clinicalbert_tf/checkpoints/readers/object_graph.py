"""Finds BERT's variables in the object graph of a TF2 checkpoint.

A TF2 checkpoint names a variable by one path of attributes from the saved object to it, and
which path depends on what was saved (an encoder, a pretrainer, a classifier) and on the version
that saved it. The graph inside has all paths, so layers are recognised by what they consist of.

Layouts known, all of tensorflow/models: BertModel of 2019 (named attributes), the functional
encoder (layer_with_weights-N) and BertEncoderV2 (named attributes with an underscore).
"""

import re
from collections.abc import Iterator

_VARIABLE = "VARIABLE_VALUE"
_NUMBERED = re.compile(r"^(?:layer(?:_with_weights)?-)?(\d+)$")
_WITH_WEIGHTS = re.compile(r"^layer_with_weights-(\d+)$")

_BLOCK = {
    "attention_layer",
    "attention_layer_norm",
    "intermediate_dense",
    "output_dense",
    "output_layer_norm",
}
# Paths below a block -> the reference's name below bert/encoder/layer_N. Of two paths for one
# name, a checkpoint has one.
_BLOCK_PATHS = (
    ("attention_layer.query_dense", "attention/self/query"),
    ("attention_layer.key_dense", "attention/self/key"),
    ("attention_layer.value_dense", "attention/self/value"),
    ("attention_layer.output_dense", "attention/output/dense"),
    ("attention_output_dense", "attention/output/dense"),
    ("attention_layer_norm", "attention/output/LayerNorm"),
    ("intermediate_dense", "intermediate/dense"),
    ("output_dense", "output/dense"),
    ("output_layer_norm", "output/LayerNorm"),
)
_EMBEDDINGS = "bert/embeddings"
_WORD, _POSITION, _TYPE = (
    f"{_EMBEDDINGS}/{kind}_embeddings" for kind in ("word", "position", "token_type")
)
_NAMED_LAYOUTS = (
    {
        "embedding_layer.embeddings": _WORD,
        "position_embedding_layer.embeddings": _POSITION,
        "position_embedding_layer.position_embeddings": _POSITION,
        "type_embedding_layer.embeddings": _TYPE,
        "embedding_norm_layer": f"{_EMBEDDINGS}/LayerNorm",
        "pooler_layer": "bert/pooler/dense",
    },
    {
        "embedding_lookup.embeddings": _WORD,
        "embedding_postprocessor.position_embeddings": _POSITION,
        "embedding_postprocessor.type_embeddings": _TYPE,
        "embedding_postprocessor.output_layer_norm": f"{_EMBEDDINGS}/LayerNorm",
        "pooler_transform": "bert/pooler/dense",
    },
)
_MASKED_LM_PATHS = (
    ("dense", "cls/predictions/transform/dense"),
    ("layer_norm", "cls/predictions/transform/LayerNorm"),
    ("output_bias/bias", "cls/predictions/output_bias"),
    ("bias", "cls/predictions/output_bias"),
)
_NEXT_SENTENCE_POOLER = "next_sentence.pooler_dense"


class ObjectGraph:
    """The nodes of a checkpoint's object graph and the ways between them.

    Args:
        proto: a TrackableObjectGraph.
    """

    def __init__(self, proto):
        # Older versions wrote `attention_layer`, newer ones `_attention_layer`.
        self.children = [
            {child.local_name.lstrip("_"): child.node_id for child in node.children}
            for node in proto.nodes
        ]
        self.keys = [
            next((a.checkpoint_key for a in node.attributes if a.name == _VARIABLE), None)
            for node in proto.nodes
        ]

    def follow(self, node: int, path: str) -> int | None:
        """The node at the end of a path of dotted names, None if it breaks off."""
        for name in path.split("."):
            node = self.children[node].get(name)
            if node is None:
                return None
        return node

    def variables(self, node: int) -> dict[str, str]:
        """{local name: checkpoint key} of the variables directly below a node."""
        keys = {name: self.keys[child] for name, child in self.children[node].items()}
        return {name: key for name, key in keys.items() if key is not None}


def find_variables(graph: ObjectGraph) -> dict[str, str]:
    """{the reference's variable name: checkpoint key} of all that is BERT in a graph.

    Raises:
        LookupError: no BERT encoder of a known layout, or several; says which.
    """
    encoder, blocks = _find_encoder(graph)
    found = _embeddings_and_pooler(graph, encoder, blocks)
    for number, block in enumerate(blocks):
        for path, name in _BLOCK_PATHS:
            node = graph.follow(block, path)
            if node is not None:
                found.update(_layer(graph, node, f"bert/encoder/layer_{number}/{name}"))
    found.update(_masked_lm(graph))
    found.update(_next_sentence(graph))
    return found


def _layer(graph: ObjectGraph, node: int, name: str) -> Iterator[tuple[str, str]]:
    """A dense layer's or a LayerNorm's variables under the reference's names."""
    if graph.keys[node] is not None:
        yield name, graph.keys[node]
    for local, key in graph.variables(node).items():
        if local in ("kernel", "bias", "gamma", "beta"):
            yield f"{name}/{local}", key


def _find_encoder(graph: ObjectGraph) -> tuple[int, list[int]]:
    """The node with the embeddings, and the encoder layers in order."""
    blocks = {i for i, names in enumerate(graph.children) if names.keys() >= _BLOCK}
    if not blocks:
        raise LookupError("no encoder layers of a known layout")
    lists = [i for i in range(len(graph.children)) if _numbered(graph, i, blocks)]
    whole = [i for i in lists if set(_numbered(graph, i, blocks)) == blocks]
    if not whole:
        raise LookupError(f"{len(blocks)} encoder layers that belong to {len(lists)} encoders")
    above: list[int] = list(whole)
    for node in above:
        if _is_encoder(graph, node, blocks):
            return node, _numbered(graph, whole[0], blocks)
        parents = (i for i, names in enumerate(graph.children) if node in names.values())
        above += [parent for parent in parents if parent not in above]
    raise LookupError("encoder layers without embeddings of a known layout")


def _numbered(graph: ObjectGraph, node: int, blocks: set[int]) -> list[int]:
    """The encoder layers among a node's numbered children, in order, each once."""
    numbers = {
        child: int(match[1])
        for name, child in graph.children[node].items()
        if child in blocks and (match := _NUMBERED.match(name))
    }
    return sorted(numbers, key=numbers.__getitem__)


def _is_encoder(graph: ObjectGraph, node: int, blocks: set[int]) -> bool:
    named = any(
        any(graph.follow(node, path) is not None for path in layout) for layout in _NAMED_LAYOUTS
    )
    return named or bool(blocks & set(_weighted_layers(graph, node)))


def _weighted_layers(graph: ObjectGraph, node: int) -> list[int]:
    numbers = {
        child: int(match[1])
        for name, child in graph.children[node].items()
        if (match := _WITH_WEIGHTS.match(name))
    }
    return sorted(numbers, key=numbers.__getitem__)


def _embeddings_and_pooler(graph: ObjectGraph, encoder: int, blocks: list[int]) -> dict[str, str]:
    for layout in _NAMED_LAYOUTS:
        found: dict[str, str] = {}
        for path, name in layout.items():
            node = graph.follow(encoder, path)
            if node is not None:
                found.update(_layer(graph, node, name))
        if _WORD in found:
            return found
    return _functional_layers(graph, encoder, blocks)


def _functional_layers(graph: ObjectGraph, encoder: int, blocks: list[int]) -> dict[str, str]:
    """The functional encoder's layers by their order: four, the encoder's, the pooler."""
    layers = _weighted_layers(graph, encoder)
    before = layers[: layers.index(blocks[0])]
    after = layers[layers.index(blocks[-1]) + 1 :]
    if len(before) != 4 or len(after) > 1:
        raise LookupError(
            f"{len(before)} layers before and {len(after)} after the encoder layers, where BERT "
            "has 4 and at most 1 (a factorized embedding, as in ALBERT, is none)"
        )
    found = {}
    for name, node in zip((_WORD, _POSITION, _TYPE), before, strict=False):
        keys = set(graph.variables(node).values())
        if len(keys) != 1:
            raise LookupError(f"{len(keys)} variables where {name} should be")
        found[name] = keys.pop()
    found.update(_layer(graph, before[3], f"{_EMBEDDINGS}/LayerNorm"))
    for node in after:
        found.update(_layer(graph, node, "bert/pooler/dense"))
    return found


def _masked_lm(graph: ObjectGraph) -> dict[str, str]:
    heads = [
        i
        for i, names in enumerate(graph.children)
        if names.keys() >= {"dense", "layer_norm", "embedding_table"}
    ]
    found: dict[str, str] = {}
    for head in heads[:1]:
        for path, name in _MASKED_LM_PATHS:
            node = graph.children[head].get(path)
            if node is not None:
                found.update(_layer(graph, node, name))
    return found


def _next_sentence(graph: ObjectGraph) -> dict[str, str]:
    """The head of BertPretrainerV2, whose inner layer is the trained pooler, or BertPretrainer's.

    BertPretrainerV2's encoder has a pooler of its own that nothing trains.
    """
    found: dict[str, str] = {}
    for names in graph.children:
        pooler = names.get(_NEXT_SENTENCE_POOLER)
        if pooler is not None:
            found.update(_layer(graph, pooler, "bert/pooler/dense"))
            heads = (i for i, other in enumerate(graph.children) if other.get("dense") == pooler)
            logits = [
                graph.children[i]["out_proj"] for i in heads if "out_proj" in graph.children[i]
            ]
            found.update(_next_sentence_logits(graph, logits))
    pretrainers = (
        names for names in graph.children if {"masked_lm", "classification"} <= set(names)
    )
    for names in pretrainers:
        found.update(_next_sentence_logits(graph, _weighted_layers(graph, names["classification"])))
    return found


def _next_sentence_logits(graph: ObjectGraph, nodes: list[int]) -> dict[str, str]:
    variables = graph.variables(nodes[0]) if nodes else {}
    names = {"kernel": "output_weights", "bias": "output_bias"}
    return {
        f"cls/seq_relationship/{names[local]}": key
        for local, key in variables.items()
        if local in names
    }
