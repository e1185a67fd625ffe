"""What a run of de-identification does."""

from dataclasses import dataclass, field

from clinicalbert_tf.deidentification.rows import Keys


@dataclass(frozen=True)
class Settings:
    """What a run does.

    Attributes:
        input, output: files of notes, .jsonl or .csv, plain or .gz, of one format.
        key_file: where the removed text goes, None for nowhere.
        style: "placeholder", "surrogate" or "asterisks".
        secret: key of the surrogates' HMAC.
        model: a run folder, None for the rules alone.
        use_rules: False for the model alone.
        thresholds: type -> lowest probability of the model's spans.
        keys: which keys or columns hold what.
        processes: worker processes; 1 for none.
        sections: kinds of section that are cleaned (texts.note_sections); the rest of each note is
            written as it is. Empty: whole notes are cleaned.
    """

    input: str
    output: str
    key_file: str | None = None
    style: str = "placeholder"
    secret: bytes = field(default=b"", repr=False)
    model: str | None = None
    use_rules: bool = True
    thresholds: dict[str, float] | None = None
    keys: Keys = field(default_factory=Keys)
    processes: int = 1
    sections: tuple[str, ...] = ()
