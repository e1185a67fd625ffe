"""Scores of de-identification: the organisers' of i2b2 2014, and what private data is left."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from clinicalbert_tf.metrics.classification import precision_recall_f1, ratio

# (element, type) of the HIPAA subset; both are compared as beginnings. None: any type.
_HIPAA = (
    ("NAME", "PATIENT"),
    *(("LOCATION", name) for name in ("CITY", "STREET", "ZIP", "ORGANIZATION")),
    ("DATE", ""),
    *(("CONTACT", name) for name in ("PHONE", "FAX", "EMAIL")),
    *(
        ("ID", name)
        for name in (
            "SSN", "MEDICALRECORD", "HEALTHPLAN", "ACCOUNT", "LICENSE", "VEHICLE", "DEVICE",
            "BIOID",
            # The official pattern ends in a space, so that no IDNUM ever counts.
            "IDNUM ",
        )
    ),
    ("AGE", ""),
)  # fmt: skip
HIPAA_RULES = {
    "official": _HIPAA,
    "corrected": tuple((element, name.rstrip()) for element, name in _HIPAA),
}
_TOKEN = re.compile(r"[a-zA-Z0-9]+")
RELAXED_END = 2


@dataclass(frozen=True)
class Phi:
    """One span of private data.

    Attributes:
        element: the XML element, e.g. NAME.
        type: e.g. PATIENT.
        start, end: character offsets, end exclusive.
    """

    element: str
    type: str
    start: int
    end: int


@dataclass(frozen=True)
class Document:
    """A text, its gold spans, and a system's: None if the system returned no file."""

    text: str
    gold: tuple[Phi, ...]
    system: tuple[Phi, ...] | None


Counts = tuple[int, int, int]  # true positives, false positives, false negatives


def scores(documents: Mapping[str, Document], hipaa: str = "corrected") -> dict:
    """Returns the organisers' measures and what a privacy officer asks.

    Args:
        documents: document id -> document.
        hipaa: "official" or "corrected" (IDNUM counts).

    Returns:
        A dict for strict JSON. "strict", "relaxed" (ends within 2 characters), "token",
        "binary_strict" and "binary_token" (types not compared), and each again for the HIPAA subset
        ("hipaa_strict" ...): {"precision", "recall", "f1" (micro), "micro", "macro" (means over
        documents, with "precision_sd" and "recall_sd")}. "missing_documents": ids without a system
        file; their gold spans count as missed (the official script drops such documents).
        "privacy": see `privacy`.

    Raises:
        ValueError: no documents, or another name of the HIPAA rule.

    Source: i2b2 2014 evaluation script (Kotfila, Stubbs), PHITrackEvaluation.
    """
    if not documents:
        raise ValueError("Expected at least one gold document to score, received none.")
    if hipaa not in HIPAA_RULES:
        raise ValueError(f"Expected --hipaa official or corrected, received {hipaa!r}.")
    result = {}
    for prefix, keep in (("", None), ("hipaa_", HIPAA_RULES[hipaa])):
        for name, count in _MEASURES.items():
            table = [count(document, keep) for document in documents.values()]
            result[prefix + name] = summarise(np.array(table, np.int64))
    result["hipaa_rule"] = hipaa
    result["documents"] = len(documents)
    result["missing_documents"] = [i for i, d in documents.items() if d.system is None]
    result["privacy"] = privacy(documents)
    return result


def summarise(counts: np.ndarray) -> dict:
    """Returns micro and macro scores of int array [documents, 3]: true, false, missed spans.

    A document without any gold span has recall 0, as in the official script.
    """
    tp, fp, fn = counts.T
    micro = _as_dict(precision_recall_f1(tp.sum(), (tp + fp).sum(), (tp + fn).sum()))
    precision, recall = ratio(tp, tp + fp), ratio(tp, tp + fn)
    means = precision.mean(), recall.mean()
    f1 = ratio(2 * means[0] * means[1], means[0] + means[1])
    spread = {"precision_sd": float(precision.std()), "recall_sd": float(recall.std())}
    return {**micro, "micro": micro, "macro": _as_dict((*means, f1)) | spread}


def strict_counts(document: Document, keep=None, binary: bool = False) -> Counts:
    """Counts equal spans: element, type, start and end, or (binary) start and end."""
    gold, system = (_kept(spans, keep) for spans in (document.gold, document.system or ()))
    keys = (lambda s: (s.start, s.end)) if binary else _full_key
    return _set_counts({keys(s) for s in gold}, {keys(s) for s in system})


def relaxed_counts(document: Document, keep=None) -> Counts:
    """Counts spans of equal element, type and start whose ends differ by at most 2 characters."""
    gold, system = (
        _without_near_duplicates(_kept(spans, keep))
        for spans in (document.gold, document.system or ())
    )
    gold_ends, system_ends = _ends(gold), _ends(system)
    found_gold = [s for s in gold if _near(s, system_ends)]
    found_system = [s for s in system if _near(s, gold_ends)]
    # The official script intersects two sets, which keeps the matching spans of the smaller one.
    true = len(found_system) if len(system) <= len(gold) else len(found_gold)
    return true, len(system) - len(found_system), len(gold) - len(found_gold)


def token_counts(document: Document, keep=None, binary: bool = False) -> Counts:
    """Counts the letter and digit runs of the spans, with element and type unless binary.

    A span without letters and digits counts as one empty token at its end.
    """
    sides = []
    for spans in (document.gold, document.system or ()):
        tokens = set()
        for span in _kept(spans, keep):
            name = () if binary else (span.element, span.type.upper())
            bounds = [m.span() for m in _TOKEN.finditer(document.text, span.start, span.end)]
            tokens |= {(*name, *bound) for bound in bounds or [(span.end, span.end)]}
        sides.append(tokens)
    return _set_counts(*sides)


_MEASURES: dict[str, Callable[[Document, object], Counts]] = {
    "strict": strict_counts,
    "relaxed": relaxed_counts,
    "token": token_counts,
    "binary_strict": lambda document, keep: strict_counts(document, keep, binary=True),
    "binary_token": lambda document, keep: token_counts(document, keep, binary=True),
}


def privacy(documents: Mapping[str, Document]) -> dict:
    """Says what stays readable if everything that the system found is removed, whatever its type.

    A gold span is missed if a letter or digit of it is in no system span.

    Returns:
        {"recall": covered share of gold spans, "recall_by_type": type -> {"recall", "gold",
        "missed"}, "documents_with_a_miss": their ids, "characters_left": letters and digits of gold
        spans left, "words": words of all texts, "misses_per_1000_words"}; recall is None without
        gold spans.
    """
    gold, missed = Counter(), Counter()
    leaking, characters, words = [], 0, 0
    for name, document in documents.items():
        words += len(document.text.split())
        readable = _readable(document)
        left = np.zeros(len(readable), bool)
        misses = []
        for span in document.gold:
            left[span.start : span.end] = readable[span.start : span.end]
            if readable[span.start : span.end].any():
                misses.append(span.type)
        characters += int(left.sum())
        gold.update(span.type for span in document.gold)
        missed.update(misses)
        if misses:
            leaking.append(name)
    total = gold.total()
    return {
        "recall": 1 - missed.total() / total if total else None,
        "recall_by_type": {
            name: {"recall": 1 - missed[name] / count, "gold": count, "missed": missed[name]}
            for name, count in sorted(gold.items())
        },
        "documents_with_a_miss": leaking,
        "characters_left": characters,
        "words": words,
        "misses_per_1000_words": 1000 * missed.total() / words if words else None,
    }


def _readable(document: Document) -> np.ndarray:
    """Returns bool array [characters]: letters and digits in no system span."""
    readable = np.fromiter((c.isalnum() for c in document.text), bool, len(document.text))
    for span in document.system or ():
        readable[span.start : span.end] = False
    return readable


def _kept(spans: Sequence[Phi], keep) -> list[Phi]:
    if keep is None:
        return list(spans)
    return [
        span
        for span in spans
        if any(span.element.startswith(e) and span.type.startswith(t) for e, t in keep)
    ]


def _full_key(span: Phi) -> tuple:
    return (span.element, span.type.upper(), span.start, span.end)


def _near_key(span: Phi) -> tuple:
    return (span.element, span.type.upper(), span.start)


def _ends(spans: Sequence[Phi]) -> dict[tuple, list[int]]:
    ends = defaultdict(list)
    for span in spans:
        ends[_near_key(span)].append(span.end)
    return ends


def _near(span: Phi, ends: Mapping[tuple, list[int]]) -> bool:
    return any(abs(span.end - end) <= RELAXED_END for end in ends.get(_near_key(span), ()))


def _without_near_duplicates(spans: Sequence[Phi]) -> list[Phi]:
    kept, ends = [], defaultdict(list)
    for span in spans:
        if not _near(span, ends):
            kept.append(span)
            ends[_near_key(span)].append(span.end)
    return kept


def _set_counts(gold: set, system: set) -> Counts:
    true = len(gold & system)
    return true, len(system) - true, len(gold) - true


def _as_dict(triple) -> dict[str, float]:
    names = ("precision", "recall", "f1")
    return {name: float(value) for name, value in zip(names, triple, strict=True)}
