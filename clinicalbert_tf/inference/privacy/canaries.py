"""Planted secrets: texts whose secret the model should not know."""

import dataclasses
import json
import random
import string

_FORMS = (string.digits, string.ascii_lowercase, string.ascii_uppercase)


@dataclasses.dataclass(frozen=True)
class Canary:
    """A secret in its text.

    Attributes:
        canary_id: safe to log.
        text: the text that was planted.
        secret: the part of it that is secret.
        planted: False for a control, which the model has not seen.
    """

    canary_id: str
    text: str = dataclasses.field(repr=False)
    secret: str = dataclasses.field(repr=False)
    planted: bool = True

    def candidates(self, count: int, seed: int) -> list[str]:
        """The same text with other secrets of the same form: a digit for each digit, and so on.

        Args:
            count: how many; fewer if there are not as many.
            seed: the same seed gives the same secrets.
        """
        rng = random.Random(f"{seed} {self.canary_id}")
        made: dict[str, None] = {}
        for _ in range(20 * count):
            if len(made) == count:
                break
            secret = "".join(_other(char, rng) for char in self.secret)
            if secret != self.secret:
                made[secret] = None
        return [self.text.replace(self.secret, secret, 1) for secret in made]


def read_canaries(path: str) -> list[Canary]:
    """Reads canaries.

    Args:
        path: the canaries.json of `tfrecords_builder --canaries`, which holds controls too, or
            one JSON object per line with `id`, `text` and `secret`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is no such object, or its text does not hold its secret; names the line.
    """
    with open(path, encoding="utf-8-sig") as file:
        content = file.read()
    canaries = _of_builder(content)
    if canaries is None:
        lines = enumerate(content.split("\n"), start=1)
        canaries = [_canary(line, f"{path}, line {n}") for n, line in lines if line.strip()]
    if not canaries:
        raise ValueError(f"{path}: expected canaries, received none. Write one object per line.")
    return canaries


def _of_builder(content: str) -> list[Canary] | None:
    """The canaries of the builder's record; None if the content is something else."""
    try:
        rows = json.loads(content)["canaries"]
        return [
            Canary(f"canary-{number}", row["sentence"], row["secret"], row["repeats"] > 0)
            for number, row in enumerate(rows, start=1)
        ]
    except (ValueError, KeyError, TypeError):
        return None


def _canary(line: str, place: str) -> Canary:
    try:
        fields = json.loads(line)
        canary = Canary(str(fields["id"]), fields["text"], fields["secret"])
        sound = bool(canary.secret) and canary.secret in canary.text
    except (json.JSONDecodeError, KeyError, TypeError):
        sound = False
    if not sound:
        raise ValueError(
            f"{place}: expected an object with id, text and a secret that the text holds, received "
            "something else. Correct the line."
        )
    if not any(char in form for char in canary.secret for form in _FORMS):
        raise ValueError(
            f"{place}: expected a secret with digits or letters, received one of "
            f"{len(canary.secret)} other characters: no candidates can be made of it."
        )
    return canary


def _other(char: str, rng: random.Random) -> str:
    form = next((form for form in _FORMS if char in form), char)
    return rng.choice(form)
