"""What is asked for of a model's attention and attributions."""

import dataclasses

from clinicalbert_tf.setting_fields import check_values, setting


@dataclasses.dataclass(frozen=True)
class MapSettings:
    """Which part of a model's attention to show, and where.

    Raises:
        ValueError: a number is out of range.
    """

    output_dir: str = setting(".", "Folder of the files.")
    max_seq_length: int = setting(128, "Tokens that the model reads at once.", at_least=4)
    window: int = setting(1, "Which window of a long text to map, from 1.", at_least=1)
    layer: int | None = setting(None, "Layer of the picture, from 1; default the last.", at_least=1)
    head: int = setting(1, "Head of the picture, from 1.", at_least=1)

    def __post_init__(self):
        check_values(self)


@dataclasses.dataclass(frozen=True)
class AttributionSettings:
    """What to attribute to the wordpieces.

    Raises:
        ValueError: there are no steps.
    """

    label: str | None = setting(None, "Label to attribute; default the most probable one.")
    steps: int = setting(64, "Points of the path of integrated gradients.", at_least=1)

    def __post_init__(self):
        check_values(self)
