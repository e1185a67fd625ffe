"""Invented values in place of removed ones: the same form, never the same value.

What is drawn follows from an HMAC of a secret, the patient and the value: the same in every run
with one secret, and nothing can be said about the value without it.
"""

import hashlib
import hmac
import random
import string
from collections.abc import Set

from clinicalbert_tf.deidentification import dates
from clinicalbert_tf.deidentification.found import is_name
from clinicalbert_tf.deidentification.repeats import WORD, without_accents

_TITLES = frozenset((
    "dr", "mr", "mrs", "ms", "md", "phd", "rn", "np", "pa", "do", "jr", "sr", "ii", "iii", "von",
    "van", "der", "de", "del", "la",
))  # fmt: skip
# Whole weeks keep the day of the week. Offsets near whole years are left out: the 4th of July would
# stay one.
_WEEKS = tuple(
    weeks
    for weeks in range(54, 522)
    if min((7 * weeks) % 365.25, 365.25 - (7 * weeks) % 365.25) > 28
)
_DRAWS = 50
# Words of the domain that exists for examples only.
_RESERVED = frozenset(("https", "www", "example", "org"))


class Surrogates:
    """Draws surrogates.

    Args:
        secret: the key of the HMAC, at least 16 bytes.

    Raises:
        ImportError: Faker is not installed.
        ValueError: the secret is too short.
    """

    def __init__(self, secret: bytes):
        if len(secret) < 16:
            raise ValueError(
                f"Expected a secret of at least 16 bytes for surrogates, received {len(secret)}."
            )
        try:
            import faker
            from faker.providers.person.en_US import Provider
        except ImportError:
            raise ImportError(
                "Surrogates need Faker, which is not installed. Install it with: pip install "
                "'clinicalbert_tf[deidentify]'"
            ) from None
        self._secret = secret
        self._faker = faker.Faker("en_US")
        self._female = {name.lower() for name in Provider.first_names_female}
        self._male = {name.lower() for name in Provider.first_names_male}

    def shift_days(self, patient: str) -> int:
        """Returns the number of days by which all dates of a patient move."""
        random_ = self._random(patient, "shift", "")
        return 7 * random_.choice(_WEEKS) * random_.choice((-1, 1))

    def replacement(
        self,
        text: str,
        label: str,
        patient: str,
        avoid: Set[str] = frozenset(),
        day_first: bool = False,
    ) -> str | None:
        """Returns a surrogate of one removed text.

        Args:
            text: what was removed.
            label: its type.
            patient: whose note it is; one value of one patient always gets one surrogate.
            avoid: words in lower case that the surrogate must not hold, e.g. other removed names of
                the note.
            day_first: how dates are read, see `dates.shift`.

        Returns:
            The surrogate, or None if there is none of the text's form (a date that is not
            understood).
        """
        if label.upper() == "DATE" or label.upper() in ("FECHAS", "DATE_TIME"):
            return dates.shift(text, self.shift_days(patient), day_first)
        for draw in range(_DRAWS):
            made = self._draw(text, label.upper(), patient, draw)
            words = {word.lower() for word in WORD.findall(made)} - _RESERVED - _TITLES
            if label.upper() == "AGE":
                words = set()  # Ages in words share their words.
            if made.casefold() != text.casefold() and not words & avoid:
                return made
        return None

    def _draw(self, text: str, label: str, patient: str, draw: int) -> str:
        if is_name(label) and label != "USERNAME":
            return WORD.sub(lambda m: self._name_word(m[0], patient, draw), text)
        random_ = self._random(patient, label, text.casefold(), draw)
        if label == "AGE":
            return str(random_.randint(90, 99)) if text.isdigit() else _SPOKEN[random_.randrange(9)]
        if label == "EMAIL":
            return _scramble(text.split("@")[0], random_) + "@example.org"
        if label == "URL":
            return "https://www.example.org/" + _scramble("abcdef", random_)
        if label == "IPADDR":
            return f"192.0.2.{random_.randint(1, 254)}"
        method = _FAKER_METHODS.get(label)
        if method is None:
            return _scramble(text, random_)
        self._faker.seed_instance(random_.getrandbits(64))
        made = getattr(self._faker, method)().replace("\n", ", ")
        return made + " Hospital" if label == "HOSPITAL" else made

    def _name_word(self, word: str, patient: str, draw: int) -> str:
        lower = word.lower()
        if lower in _TITLES or word.isdigit():
            return word
        random_ = self._random(patient, "name", without_accents(word), draw)
        if len(word) == 1:
            return random_.choice([c for c in string.ascii_uppercase if c != word.upper()])
        self._faker.seed_instance(random_.getrandbits(64))
        if lower in self._female:
            made = self._faker.first_name_female()
        elif lower in self._male:
            made = self._faker.first_name_male()
        else:
            made = self._faker.last_name()
        return made.upper() if word.isupper() else made.lower() if word.islower() else made

    def _random(self, patient: str, label: str, value: str, draw: int = 0) -> random.Random:
        message = "\0".join((patient, label, value, str(draw))).encode("utf-8", "surrogatepass")
        return random.Random(hmac.digest(self._secret, message, hashlib.sha256))


_UNITS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SPOKEN = tuple(f"ninety-{unit}" for unit in _UNITS)
_FAKER_METHODS = {
    "HOSPITAL": "last_name",
    "ORGANIZATION": "company",
    "STREET": "street_address",
    "CITY": "city",
    "STATE": "state",
    "COUNTRY": "country",
    "LOCATION": "city",
    "LOCATION-OTHER": "city",
    "PROFESSION": "job",
}


def _scramble(text: str, random_: random.Random) -> str:
    """Draws every letter and digit again and keeps case and everything else."""
    made = []
    for character in text:
        if character.isdigit():
            made.append(random_.choice(string.digits))
        elif character.isalpha():
            letters = string.ascii_uppercase if character.isupper() else string.ascii_lowercase
            made.append(random_.choice(letters))
        else:
            made.append(character)
    return "".join(made)
