"""Fills templates of invented notes with words, numbers and dates about one hospital stay."""

import random
import re
from collections.abc import Callable, Iterable, Sequence

from tfrecords_builder.invention.synthetic_themes import THEMES, Theme

_LINE_LENGTH = 70
_slot = re.compile(r"\{(\w+)(?::([^}]*))?\}")
_wrapped_line = re.compile(f"(.{{1,{_LINE_LENGTH}}})(?: |$)")


def _numbers(detail: str) -> list[str]:
    """Every number of a range like "4.1-19.8" in its own decimals, at most 1,000 of them."""
    low, high = detail.split("-")
    digits = len(low.partition(".")[2])
    first, last = round(float(low) * 10**digits), round(float(high) * 10**digits)
    step = max(1, (last - first) // 1000)
    return [f"{value / 10**digits:.{digits}f}" for value in range(first, last + 1, step)]


class Words:
    """Draws words about one stay; every draw comes from one generator.

    Templates name what they want: `{theme:symptoms}` one entry of that list of the theme
    (`{Theme:...}` with a capital), `{number:4.1-19.8}` a number with those decimals,
    `{one_of:a|b}`, `{date}`, `{lab}`, `{drug}` and the other names in `__init__`.
    """

    def __init__(self, generator: random.Random):
        self._random = generator.random
        self._compiled: dict[str, list[str | list[str] | Callable[[], str]]] = {}
        self._draws: dict[str, Callable[[], str]] = {
            "date": self.date,
            "admitted": lambda: f"{self.year}-{self.month}-1",
            "discharged": lambda: f"{self.year}-{self.month}-{14 + int(self._random() * 14)}",
            "birth": lambda: f"{self.year - self.age}-{self.month}-{self.age % 28 + 1}",
            "pronoun": lambda: "he" if self.sex == "M" else "she",
            "Pronoun": lambda: "He" if self.sex == "M" else "She",
            "man": lambda: "man" if self.sex == "M" else "woman",
            "sex": lambda: self.sex,
            "age": lambda: str(self.age),
            "diagnosis": lambda: self.theme.name,
            "Diagnosis": lambda: capital(self.theme.name),
            "service": lambda: self.theme.service,
            "consult": lambda: self.theme.consult,
            "study": lambda: f"{self.theme.study:<56}",
            "drug": lambda: self.pick(self.theme.drugs)[0].lower(),
            "Drug": lambda: self.pick(self.theme.drugs)[0],
            "dose": lambda: " ".join(self.pick(self.theme.drugs)[:2]).lower(),
            "exam": lambda: capital(self.pick(self.theme.exam)[1]) + ".",
            "lab": lambda: self._lab(" was "),
            "lab_value": lambda: self._lab(" "),
        }
        self.begin_stay(sex="M", age=60, year=2100, month=1)

    def begin_stay(self, sex: str, age: int, year: int, month: int) -> None:
        """Sets who the next words are about (age in years) and draws what brought them in."""
        self.sex, self.age, self.year, self.month = sex, age, year, month
        self.theme: Theme = self.pick(THEMES)

    def fill(self, template: str) -> str:
        parts = self._compiled.get(template)
        if parts is None:
            parts = self._compiled[template] = self._compile(template)
        uniform = self._random
        filled = []
        for part in parts:
            if type(part) is str:
                filled.append(part)
            elif type(part) is list:
                filled.append(part[int(uniform() * len(part))])
            else:
                filled.append(part())
        return "".join(filled)

    def prose(self, templates: Sequence[str], sentences: int) -> str:
        """Sentences of differing templates as wrapped lines, as notes typed on a terminal have."""
        chosen = self.sample(templates, min(sentences, len(templates)))
        text = " ".join([self.fill(template) for template in chosen])
        return "\n".join(_wrapped_line.findall(text))

    def pick(self, choices: Sequence):
        return choices[int(self._random() * len(choices))]

    def sample(self, choices: Iterable, count: int) -> list:
        """`count` different choices (all of them if there are fewer), in random order."""
        left = list(choices)
        return [left.pop(int(self._random() * len(left))) for _ in range(min(count, len(left)))]

    def date(self) -> str:
        return f"{self.year}-{self.month}-{int(self._random() * 28) + 1}"

    def exam_lines(self) -> str:
        vitals = (
            "Vitals - T {number:96.1-101.8} BP {number:88-172}/{number:48-96} HR {number:52-128}"
        )
        return "\n".join(
            [self.fill(vitals), *(f"{part}: {found}" for part, found in self.theme.exam)]
        )

    def lab_table(self) -> str:
        rows = [
            f"{name}-{self._between(low, high, digits)}*"
            for name, low, high, digits in self.theme.labs
        ]
        template = (
            "[**{date}**] 0{number:1-9}:{number:10-59}AM BLOOD WBC-{number:3.1-19.9} "
            "RBC-{number:2.41-5.20} Hgb-{number:7.4-15.9}* Hct-{number:22.1-46.9}*\n"
            "MCV-{number:76-101} MCH-{number:26.1-33.9} RDW-{number:12.1-16.9} "
            "Plt Ct-{number:98-459}\n"
            "[**{date}**] 0{number:1-9}:{number:10-59}AM BLOOD "
            "Na-{number:128-146} Cl-{number:96-110} "
        )
        return self.fill(template) + " ".join(rows)

    def _compile(self, template: str) -> list[str | list[str] | Callable[[], str]]:
        pieces = _slot.split(template)
        parts: list[str | list[str] | Callable[[], str]] = [pieces[0]]
        for name, detail, literal in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
            parts += [self._draw_of(name, detail), literal]
        return parts

    def _draw_of(self, name: str, detail: str | None) -> list[str] | Callable[[], str]:
        if name == "one_of":
            return detail.split("|")
        if name == "number":
            return _numbers(detail)
        if name == "theme":
            return lambda: self.pick(getattr(self.theme, detail))
        if name == "Theme":
            return lambda: capital(self.pick(getattr(self.theme, detail)))
        return self._draws[name]

    def _between(self, low: float, high: float, digits: int) -> str:
        return f"{low + self._random() * (high - low):.{digits}f}"

    def _lab(self, verb: str) -> str:
        name, low, high, digits = self.pick(self.theme.labs)
        return name + verb + self._between(low, high, digits)


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def numbered(lines: Iterable[str]) -> str:
    """The lines as a list that counts from 1."""
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, start=1))
