"""What restoring a checkpoint did."""

import collections
import dataclasses

from clinicalbert_tf.checkpoints.names import slot_kind, training_state


@dataclasses.dataclass(frozen=True)
class RestoreReport:
    """The account of one restore; printable.

    Attributes:
        source: the checkpoint's prefix or file.
        restored: names of the variables that were read into the model.
        initialised: names of the model's variables that the source lacks; they keep the values
            they had.
        skipped: names in the source that a model does not hold: optimizer slots, global_step.
    """

    source: str
    restored: tuple[str, ...]
    initialised: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()

    def __str__(self) -> str:
        # A checkpoint has hundreds of slots: they are counted by kind, anything else is named.
        slots = set(training_state({*self.restored, *self.initialised, *self.skipped}))
        kinds = collections.Counter(
            slot_kind(name) if name in slots else name for name in self.skipped
        )
        skipped = ", ".join(
            kind if count == 1 else f"{count} {kind}" for kind, count in sorted(kinds.items())
        )
        lines = [
            f"{self.source}: restored {len(self.restored)}, initialised {len(self.initialised)}, "
            f"skipped {len(self.skipped)} variables" + (f" ({skipped})" if skipped else "")
        ]
        if self.initialised:
            lines.append(f"  initialised: {', '.join(self.initialised)}")
        return "\n".join(lines)

    def details(self) -> str:
        """The counts, then every name on a line of its own."""
        groups = ("restored", "initialised", "skipped")
        names = [f"  {group}: {name}" for group in groups for name in getattr(self, group)]
        counts = str(self).splitlines()[0]
        return "\n".join([counts, *names])
