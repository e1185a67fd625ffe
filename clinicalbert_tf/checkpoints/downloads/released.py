"""The four released clinicalBERT models: what they are, and whether a checkpoint is one."""

import dataclasses
import functools
import importlib.resources
import itertools
import json
import os

from clinicalbert_tf.checkpoints.checkpoint_files import step_of
from clinicalbert_tf.checkpoints.source import CheckpointSource
from clinicalbert_tf.config import BertConfig

FILE = "released.json"


@dataclasses.dataclass(frozen=True)
class ReleasedModel:
    """One model of pretrained_bert_tf.tar.gz.

    Attributes:
        name: its folder in the archive.
        paper_name: what the paper calls it.
        base: the model from which its training started.
        corpus: the notes it was trained on.
        steps: training steps on them.
        casing: "cased" or "uncased".
    """

    name: str
    paper_name: str
    base: str
    corpus: str
    steps: int
    casing: str


@dataclasses.dataclass(frozen=True)
class Release:
    """What checkpoints/released.json says.

    Attributes:
        models: the models, one architecture and vocabulary for all.
        config: their configuration.
        shapes: {variable name: shape} of the weights in each checkpoint.
        published: where: paper, repository, archive.
    """

    models: tuple[ReleasedModel, ...]
    config: BertConfig
    shapes: dict[str, tuple[int, ...]]
    published: dict[str, str]


@dataclasses.dataclass(frozen=True)
class Identification:
    """Which released model a checkpoint may be.

    Attributes:
        candidates: the released models that it fits; several where nothing tells them apart,
            none where its variables are not theirs.
        differences: why it is none of them, one line each.
        by_name: whether its folder has the name of the one candidate.
    """

    candidates: tuple[ReleasedModel, ...]
    differences: tuple[str, ...] = ()
    by_name: bool = False

    def __str__(self) -> str:
        if not self.candidates:
            return "none of the released clinicalBERT models: " + "; ".join(self.differences)
        names = " or ".join(model.name for model in self.candidates)
        if self.by_name:
            (model,) = self.candidates
            return f"{names} ({model.paper_name}), by its folder's name and all shapes"
        return (
            f"the names and shapes of {names}. BERT-base cased and BioBERT have them too: the "
            "numbers themselves do not tell where they come from"
        )


@functools.cache
def load_release() -> Release:
    """Reads the list of released models that comes with this package."""
    text = importlib.resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    values = json.loads(text)
    config = BertConfig.from_dict(values["config"], source=FILE)
    return Release(
        models=tuple(ReleasedModel(**model) for model in values["models"]),
        config=config,
        shapes=_shapes(values["variables"], config),
        published=values["published"],
    )


def _shapes(rows: list[dict], config: BertConfig) -> dict[str, tuple[int, ...]]:
    """Names with {layer} once for every encoder layer; sizes by their key in the config."""
    in_layers = lambda row: "{layer}" in row["name"]
    shapes = {}
    for repeated, group in itertools.groupby(rows, in_layers):
        group = list(group)
        for layer in range(config.num_hidden_layers if repeated else 1):
            for row in group:
                shape = (getattr(config, s) if isinstance(s, str) else s for s in row["shape"])
                shapes[row["name"].format(layer=layer)] = tuple(shape)
    return shapes


def identify(source: CheckpointSource) -> Identification:
    """Says which of the released models a checkpoint looks like.

    All four have the same shapes. The folder's name tells them apart, the step in the checkpoint's
    name at least the two corpora.

    Args:
        source: a checkpoint of any format; no weight is read.

    Returns:
        The candidates, or what is different.
    """
    release = load_release()
    differences = _differences(source, release)
    if differences:
        return Identification((), differences)
    named = tuple(model for model in release.models if _in_path(model.name, source.path))
    if len(named) == 1:
        return Identification(named, by_name=True)
    steps = step_of(source.path) if source.kind == "tf1" else None
    if steps is None:
        return Identification(release.models)
    candidates = tuple(model for model in release.models if model.steps == steps)
    expected = " or ".join(str(steps) for steps in sorted({m.steps for m in release.models}))
    return Identification(
        candidates, () if candidates else (f"expected {expected} steps, received {steps}",)
    )


def _in_path(name: str, path: str) -> bool:
    """Whether a folder is called so, or is the cache's for an archive that is called so."""
    folders = os.path.abspath(path).split(os.sep)
    return any(folder == name or folder.startswith(f"{name}-") for folder in folders)


def _differences(source: CheckpointSource, release: Release) -> tuple[str, ...]:
    received = source.tensors.shapes
    missing = [name for name in release.shapes if name not in received]
    other = [
        f"{name} is {list(received[name])}, theirs {list(shape)}"
        for name, shape in release.shapes.items()
        if name in received and received[name] != shape
    ]
    lines = other[:1] + ([f"{len(other) - 1} more shapes differ"] if len(other) > 1 else [])
    if missing:
        lines.append(
            f"{len(missing)} of {len(release.shapes)} variables missing ({missing[0]} ...)"
        )
    # Heads and sizes of a head are in no shape.
    same = ("num_attention_heads", "hidden_act")
    lines += [
        f"{key} is {getattr(source.config, key)}, theirs {getattr(release.config, key)}"
        for key in same
        if getattr(source.config, key) != getattr(release.config, key)
    ]
    return tuple(lines)
