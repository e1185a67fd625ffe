"""Precision, recall and speed of the rules, and of Presidio's, on sets of ../shared/data.

    python experiments/deidentification/benchmark.py [--data DIR] [--presidio] [--model RUN]
    python experiments/deidentification/benchmark.py --held_out [--presidio]

A character counts as private if a gold span of a type that rules can find covers it, and as found
if any span of the system does. Names, places and organisations are reported apart: finding those is
the model's part. `--held_out`: the templates of pii_synth_en's test part, and notes filled in other
forms and with another seed, which nobody looked at before the rules were final.
"""

import argparse
import functools
import gzip
import hashlib
import io
import json
import re
import tarfile
import time

from clinicalbert_tf.deidentification.note import find_all
from clinicalbert_tf.metrics.classification import precision_recall_f1

# What the rules are for; the rest needs a model.
FOR_RULES = {
    "pii_synth_en": {
        "PHONE_NUMBER", "EMAIL_ADDRESS", "DOMAIN_NAME", "CREDIT_CARD", "IBAN_CODE", "US_SSN",
        "IP_ADDRESS", "US_DRIVER_LICENSE", "ZIP_CODE",
    },
    "meddocan": {
        "CORREO_ELECTRONICO", "NUMERO_TELEFONO", "NUMERO_FAX", "FECHAS", "URL_WEB",
        "ID_ASEGURAMIENTO",
        "ID_CONTACTO_ASISTENCIAL", "ID_SUJETO_ASISTENCIA", "ID_EMPLEO_PERSONAL_SANITARIO",
        "ID_TITULACION_PERSONAL_SANITARIO",
    },
    "synthetic": {"DATE", "DATE_WITHOUT_YEAR", "PHONE", "IDNUM"},
}  # fmt: skip
FOR_RULES["pii_synth_en_test"] = FOR_RULES["pii_synth_en"]
FOR_RULES["synthetic_held_out"] = FOR_RULES["synthetic"]
# Not the forms that the rules were tried on.
_HELD_OUT_DATES = (
    *("%d/%m/%Y", "%d %B %Y", "%B %d %Y", "%a %d %b %Y", "%d.%m.%Y", "%Y/%m/%d"),
    *("%d %b %y", "%d-%m-%Y", "%b. %d, %Y"),
)
_HELD_OUT_PLACES = ("en_GB", "en_AU", "en_CA", "en_IE")


def pii_synth_en(data, test_only=False):
    """Yields (text, [(start, end, label)]) of all 1,500 sentences, or of the test templates."""
    with gzip.open(f"{data}/pii_synth_en/synth_dataset_v2.json.gz") as file:
        for row in json.load(file):
            names = ("start_position", "end_position", "entity_type")
            # The split of the folder's README: no template stands on two sides.
            digest = hashlib.sha1(f"tpl{row['template_id']}".encode()).hexdigest()
            if not test_only or int(digest[:8], 16) % 100 >= 80:
                yield row["full_text"], [tuple(span[n] for n in names) for span in row["spans"]]


def pii_synth_en_test(data):
    """Yields (text, spans) of the 231 sentences of the test templates."""
    return pii_synth_en(data, test_only=True)


def meddocan(data):
    """Yields (text, spans) of the 250 Spanish test notes."""
    with tarfile.open(f"{data}/meddocan/meddocan_brat.tar.gz") as archive:
        members = {m.name: m for m in archive.getmembers() if m.isfile()}
        for name in sorted(n for n in members if "test/" in n and n.endswith(".txt")):
            spans = []
            for line in _open(archive, members[name[:-3] + "ann"]):
                if line.startswith("T"):
                    label, start, end = line.split("\t")[1].split()
                    spans.append((int(start), int(end), label))
            yield _open(archive, members[name]).read(), spans


def synthetic(data):
    """Yields (text, spans) of 500 invented notes whose placeholders were filled with surrogates."""
    import faker

    fake = faker.Faker("en_US")
    fake.seed_instance(12345)
    return _filled(500, 7, functools.partial(_fill, fake=fake))


def synthetic_held_out(data):
    """Yields (text, spans) of 300 other notes, filled in forms of other countries."""
    import faker

    fakes = [faker.Faker(place) for place in _HELD_OUT_PLACES]
    for number, fake in enumerate(fakes):
        fake.seed_instance(2026 + number)
    return _filled(300, 2026, functools.partial(_fill_held_out, fakes=fakes))


def _filled(count, seed, fill):
    from tfrecords_builder.synthetic import generate_notes

    for row in generate_notes(count, seed):
        pieces, spans, length, position = [], [], 0, 0
        for match in re.finditer(r"\[\*\*(.*?)\*\*\]", row["TEXT"]):
            label, value = fill(match[1])
            kept = row["TEXT"][position : match.start()]
            spans.append((length + len(kept), length + len(kept) + len(value), label))
            pieces += (kept, value)
            length += len(kept) + len(value)
            position = match.end()
        yield "".join((*pieces, row["TEXT"][position:])), spans


def _fill(placeholder, fake):
    if re.fullmatch(r"[0-9]+-[0-9]+-[0-9]+", placeholder):
        forms = ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y", "%B %d, %Y", "%d-%b-%Y", "%b %d, %Y")
        return "DATE", fake.date_object().strftime(fake.random_element(forms))
    if re.fullmatch(r"[0-9]+-[0-9]+", placeholder):
        return "DATE_WITHOUT_YEAR", fake.date_object().strftime("%m/%d")
    for beginning, label, method in (
        ("Last Name", "NAME", "last_name"),
        ("First Name", "NAME", "first_name"),
        ("Hospital", "HOSPITAL", "last_name"),
        ("Location", "CITY", "city"),
        ("Telephone", "PHONE", "numerify"),
    ):
        if placeholder.startswith(beginning):
            made = getattr(fake, method)(*(("(%##) ###-####",) if label == "PHONE" else ()))
            return label, made + " Hospital" if label == "HOSPITAL" else made
    return "IDNUM", fake.numerify("%#######")


def _fill_held_out(placeholder, fakes):
    fake = fakes[sum(placeholder.encode()) % len(fakes)]
    label, value = _fill(placeholder, fake)
    if label == "DATE":
        value = fake.date_object().strftime(fake.random_element(_HELD_OUT_DATES))
    elif label == "DATE_WITHOUT_YEAR":
        forms = ("%d %B", "%B %d", "%d/%m", "%b %d")
        value = fake.date_object().strftime(fake.random_element(forms))
    elif label == "PHONE":
        value = fake.phone_number()
    elif label == "IDNUM":
        forms = ("??######", "###-##-##", "?#######", "## ## ###")
        value = fake.bothify(fake.random_element(forms))
    return label, value


def _open(archive, member):
    return io.TextIOWrapper(archive.extractfile(member), "utf-8", newline="")


def our_rules(text):
    return [(span.start, span.end, span.label) for span in find_all(text)]


def presidio():
    """Returns Presidio's pattern recognizers, without its statistical model of names."""
    import spacy
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    engine = SpacyNlpEngine()
    engine.nlp = {"en": spacy.blank("en")}
    analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
    return lambda text: [
        (r.start, r.end, r.entity_type) for r in analyzer.analyze(text, language="en")
    ]


def model(run):
    """Returns the rules with a run's model, at the operating point that is kept with it."""
    from clinicalbert_tf.deidentification import operating_point
    from clinicalbert_tf.deidentification.detector import load_detector, lowest

    point = operating_point.load(run)
    thresholds = point and point["thresholds"]
    detector = load_detector(run, lowest(thresholds))
    return lambda text: [
        (span.start, span.end, span.label) for span in find_all(text, detector, thresholds)
    ]


def measure(notes, system, for_rules):
    """Returns scores by character and by span, and notes per second."""
    start = time.perf_counter()
    found = [system(text) for text, _ in notes]
    seconds = time.perf_counter() - start
    right = predicted = gold = 0
    spans = {True: [0, 0], False: [0, 0]}
    by_label = {}
    for (text, true), some in zip(notes, found, strict=True):
        covered = {i for s, e, _ in some for i in range(s, e) if text[i].isalnum()}
        wanted = set()
        private = set()
        for s, e, label in true:
            characters = {i for i in range(s, e) if text[i].isalnum()}
            private |= characters
            if label in for_rules:
                wanted |= characters
            hit = characters <= covered
            for counts in (spans[label in for_rules], by_label.setdefault(label, [0, 0])):
                counts[0] += hit
                counts[1] += 1
        # What is found of a name is right, although it is not asked for.
        right += len(covered & private)
        predicted += len(covered)
        gold += len(wanted)
    precision = float(precision_recall_f1(right, predicted, gold)[0])
    return {
        "precision_by_character": round(precision, 4),
        "recall_of_spans_for_rules": round(spans[True][0] / spans[True][1], 4),
        "recall_of_other_spans": round(spans[False][0] / spans[False][1], 4),
        "notes_per_second": round(len(notes) / seconds, 1),
        "kilobytes_per_second": round(sum(len(t) for t, _ in notes) / seconds / 1000, 1),
        "by_label": {k: f"{a}/{b}" for k, (a, b) in sorted(by_label.items())},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="../shared/data")
    parser.add_argument("--presidio", action="store_true")
    parser.add_argument("--held_out", action="store_true")
    parser.add_argument("--model", help="a run of run_i2b2, beside the rules")
    values = parser.parse_args()
    systems = {"rules": our_rules} | ({"presidio": presidio()} if values.presidio else {})
    if values.model:
        systems["rules and model"] = model(values.model)
    held_out = (pii_synth_en_test, synthetic_held_out)
    for read in held_out if values.held_out else (pii_synth_en, synthetic, meddocan):
        notes = list(read(values.data))
        for name, system in systems.items():
            system(notes[0][0])
            result = measure(notes, system, FOR_RULES[read.__name__])
            print(json.dumps({"set": read.__name__, "system": name, "notes": len(notes), **result}))


if __name__ == "__main__":
    main()
