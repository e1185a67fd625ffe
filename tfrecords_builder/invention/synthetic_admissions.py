"""Invents hospital stays and the notes, patients and diagnoses that go with them.

There is something to learn: a stay whose notes speak of a patient in difficulties is followed by a
return within 30 days far more often than another. And there is something that must not be used:
planted notes say whether the patient came back, each from outside what a prediction may read. Every
such note holds the words of `LEAK`, so that a text that was built without them is easily told.
"""

import dataclasses
import datetime
import random
from collections.abc import Iterator

from tfrecords_builder.invention import synthetic_texts
from tfrecords_builder.invention.synthetic_words import Words

LEAK = "Planted leak"
# Kinds of planted notes.
BEFORE_ADMISSION = "before admission"
AFTER_PREDICTION = "after the prediction time"
STORED_LATER = "stored after the prediction time"
EARLY_SUMMARY = "summary on the first day"
LATE_ADDENDUM = "addendum after the next admission"
MARKED_AS_ERROR = "marked as error"
OTHER_PATIENT = "of another patient"
_IN_DIFFICULTIES = (
    "Lives alone and missed the last appointments.",
    "Ran out of medications again and could not pay for them.",
    "Frail, losing weight, many falls at home.",
    "Refused rehabilitation against advice.",
    "Remains short of breath and edematous.",
    "Poor understanding of the regimen despite teaching.",
)
_WELL_CARED_FOR = (
    "Family at the bedside, visiting nurse arranged.",
    "Back to baseline and walking the halls.",
    "Understands the regimen and repeats it correctly.",
    "Tolerating a full diet, wounds well healed.",
    "Follow-up appointment made before leaving.",
    "Breathing comfortably on room air, no edema.",
)
# ICD-9 codes of synthetic_themes.THEMES, the main one first.
_CODES = {
    "community acquired pneumonia": ("486", "49390"),
    "acute on chronic systolic heart failure": ("42823", "4280", "4019"),
    "atrial fibrillation with RVR": ("42731", "4019"),
    "NSTEMI": ("41071", "41401", "2724"),
    "acute pulmonary embolism": ("41519", "4539"),
    "sepsis secondary to urinary tract infection": ("0389", "5990", "99591"),
    "acute kidney injury": ("5849", "40390"),
    "upper gastrointestinal bleed": ("5789", "2851"),
    "acute ischemic stroke": ("43491", "4019"),
    "right hip fracture": ("82021", "73300"),
    "COPD exacerbation": ("49121", "3051"),
    "gallstone pancreatitis": ("5770", "57420"),
    "decompensated alcoholic cirrhosis": ("5712", "30390"),
}
_KINDS = [kind for kind in synthetic_texts.KINDS for _ in range(kind[2])]
_Row = dict[str, str]


@dataclasses.dataclass
class Tables:
    """Rows of the four tables, in MIMIC-III's columns, every value a string."""

    admissions: list[_Row] = dataclasses.field(default_factory=list)
    notes: list[_Row] = dataclasses.field(default_factory=list)
    patients: list[_Row] = dataclasses.field(default_factory=list)
    diagnoses: list[_Row] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class _Stay:
    hadm_id: int
    start: datetime.datetime
    end: datetime.datetime
    kind: str
    in_difficulties: bool
    died: bool = False
    returns: bool = False


def invent(notes: int, seed: int) -> Tables:
    """Invents patients until there are enough notes.

    Args:
        notes: how many at least; the last patient is whole.
        seed: the same seed gives the same tables.
    """
    return _Inventor(seed).run(notes)


class _Inventor:
    def __init__(self, seed: int):
        self._random = random.Random(seed)
        self._words = Words(random.Random(seed + 1))
        self._tables = Tables()
        self._hadm_id = 100000

    def run(self, notes: int) -> Tables:
        number = 0
        while len(self._tables.notes) < notes:
            self._patient(number)
            number += 1
        # As in the real tables, no order can be relied on.
        self._random.shuffle(self._tables.admissions)
        for name, rows in vars(self._tables).items():
            for row_id, row in enumerate(rows, start=1):
                rows[row_id - 1] = {"ROW_ID": str(row_id), **row}
            setattr(self._tables, name, rows)
        return self._tables

    def _patient(self, number: int) -> None:
        draw = self._random
        subject_id = 10001 + number
        sex, age = draw.choice("MF"), draw.randint(19, 88)
        admitted = datetime.datetime(draw.randint(2101, 2190), draw.randint(1, 12), 1) + (
            datetime.timedelta(minutes=draw.randint(0, 40000))
        )
        stays = list(self._stays(admitted, newborn=number % 23 == 11))
        born = admitted if stays[0].kind == "NEWBORN" else admitted - datetime.timedelta(365 * age)
        self._tables.patients.append(
            {
                "SUBJECT_ID": str(subject_id),
                "GENDER": sex,
                "DOB": f"{born:%Y-%m-%d} 00:00:00",
                "DOD": f"{stays[-1].end:%Y-%m-%d} 00:00:00" if stays[-1].died else "",
            }
        )
        for place, stay in enumerate(stays):
            self._words.begin_stay(sex, age, stay.start.year, stay.start.month)
            following = stays[place + 1] if place + 1 < len(stays) else None
            self._write_stay(subject_id, stay, following)
        self._plant_odd_rows(number, subject_id, stays)

    def _stays(self, start: datetime.datetime, newborn: bool) -> Iterator[_Stay]:
        draw = self._random
        kinds = ["NEWBORN" if newborn else "EMERGENCY"]
        for place in range(6):
            stay = self._stay(start, kinds[-1])
            stay.returns = not stay.died and draw.random() < (
                0.85 if stay.in_difficulties else 0.06
            )
            elective_first = not stay.died and draw.random() < 0.1
            last = stay.died or place == 5 or not (stay.returns or draw.random() < 0.4)
            if place == 5:
                stay.returns = False
            yield stay
            if last:
                return
            if elective_first:
                planned = self._stay(self._later(stay.end, 1, 3), "ELECTIVE")
                planned.died, planned.returns = False, stay.returns
                planned.end = min(planned.end, planned.start + datetime.timedelta(days=1))
                yield planned
                start = self._later(planned.end, 2, 20 if stay.returns else 400)
                if not stay.returns:
                    start += datetime.timedelta(days=40)
            else:
                low, high = (2, 27) if stay.returns else (40, 400)
                start = self._later(stay.end, low, high)
            kinds.append(draw.choice(("EMERGENCY", "EMERGENCY", "URGENT")))

    def _stay(self, start: datetime.datetime, kind: str) -> _Stay:
        self._hadm_id += 1
        length = datetime.timedelta(days=self._random.choice((1, 3, 4, 5, 6, 8)))
        end = start + length + datetime.timedelta(minutes=self._random.randint(0, 600))
        died = kind != "NEWBORN" and self._random.random() < 0.05
        return _Stay(self._hadm_id, start, end, kind, self._random.random() < 0.35, died)

    def _later(self, time: datetime.datetime, low: int, high: int) -> datetime.datetime:
        return time + datetime.timedelta(minutes=self._random.randint(low * 1440, high * 1440))

    def _write_stay(self, subject_id: int, stay: _Stay, following: _Stay | None) -> None:
        self._tables.admissions.append(_admission(subject_id, stay, self._words.theme.name))
        codes = _CODES[self._words.theme.name]
        for place, code in enumerate(codes, start=1):
            self._tables.diagnoses.append(_diagnosis(subject_id, stay, place, code))
        days = (stay.end - stay.start).days
        for _ in range(self._random.randint(4, 8)):
            category, write, _, timed = self._random.choice(_KINDS)
            hours = self._random.randint(1, 24 * max(1, days) - 1)
            time = stay.start + datetime.timedelta(hours=hours)
            self._note(subject_id, stay, time, category, self._signal(write(self._words), stay),
                timed=timed)  # fmt: skip
        summary = self._signal(synthetic_texts.discharge_summary(self._words), stay)
        self._note(subject_id, stay, stay.end, "Discharge summary", summary, timed=False)
        if self._random.random() < 0.2:
            self._note(subject_id, stay, stay.end, "Discharge summary",
                "Addendum: " + self._signal("Medications reconciled.", stay), timed=False,
                description="Addendum")  # fmt: skip
        self._plant_notes(subject_id, stay, following)

    def _signal(self, text: str, stay: _Stay) -> str:
        """The text with sentences that tell how the patient is, a few of them misleading."""
        parts = []
        for part in text.split("\n\n"):
            parts.append(part)
            if self._random.random() < 0.7:
                misleads = self._random.random() < 0.08
                pool = _IN_DIFFICULTIES if stay.in_difficulties != misleads else _WELL_CARED_FOR
                parts.append(self._random.choice(pool))
        return "\n\n".join(parts)

    def _plant_notes(self, subject_id: int, stay: _Stay, following: _Stay | None) -> None:
        day = datetime.timedelta(days=1)
        plans = [
            (BEFORE_ADMISSION, stay.start - 3 * day, "Nursing", {}),
            (AFTER_PREDICTION, stay.start + 3.5 * day, "Physician ", {}),
            (STORED_LATER, stay.start + day / 2, "Nursing", {"stored": stay.start + 5 * day}),
            (EARLY_SUMMARY, stay.start + day / 2, "Discharge summary ", {"early": True}),
            (MARKED_AS_ERROR, stay.start + day / 2, "Nursing", {"is_error": True}),
            (OTHER_PATIENT, stay.start + day / 2, "Nursing", {"subject_id": subject_id + 1}),
        ]
        if following is not None:
            plans.append((LATE_ADDENDUM, following.start + 2 * day, "Discharge summary", {}))
        for kind, time, category, others in plans:
            if self._random.random() < 0.25:
                outcome = "was" if stay.returns else "was not"
                text = f"{LEAK} ({kind}): the patient {outcome} readmitted within 30 days."
                of_subject = others.pop("subject_id", subject_id)
                # The text of a summary belongs to the discharge set whatever its date: it leaks
                # into early sets only, so it does not tell the outcome.
                if others.pop("early", False):
                    text = f"{LEAK} ({kind}): dictated before discharge."
                self._note(of_subject, stay, time, category, text, **others)

    def _note(
        self, subject_id, stay, time, category, text, timed=True, stored=None, is_error=False,
        description="Report",
    ) -> None:  # fmt: skip
        stored = time if stored is None else stored
        self._tables.notes.append(
            {
                "SUBJECT_ID": str(subject_id),
                "HADM_ID": str(stay.hadm_id),
                "CHARTDATE": f"{time:%Y-%m-%d}",
                "CHARTTIME": f"{time:%Y-%m-%d %H:%M}:00" if timed else "",
                "STORETIME": f"{stored:%Y-%m-%d %H:%M}:00" if timed else "",
                "CATEGORY": category,
                "DESCRIPTION": description,
                "CGID": "",
                "ISERROR": "1" if is_error else "",
                "TEXT": text,
            }
        )

    def _plant_odd_rows(self, number: int, subject_id: int, stays: list[_Stay]) -> None:
        """Rows of ADMISSIONS as careless exports and real tables have them."""
        last, oddity = stays[-1], number % 20
        if last.died:
            return
        rows, hour = self._tables.admissions, datetime.timedelta(hours=1)
        if oddity == 3:
            rows.append(dict(rows[-1]))
        elif oddity == 7:
            self._hadm_id += 1
            start = last.end - 12 * hour
            stay = _Stay(self._hadm_id, start, last.end + 48 * hour, "URGENT", False)
            rows.append(_admission(subject_id, stay, "OVERLAPPING STAY"))
        elif oddity == 13:
            self._hadm_id += 1
            start = last.end + 9000 * hour
            stay = _Stay(self._hadm_id, start, start - 5 * hour, "EMERGENCY", False)
            rows.append(_admission(subject_id, stay, "TIMES REVERSED"))
        elif oddity == 17:
            rows[-1]["DISCHTIME"] = "unknown"


def _admission(subject_id: int, stay: _Stay, diagnosis: str) -> _Row:
    died = f"{stay.end:%Y-%m-%d %H:%M:%S}" if stay.died else ""
    return {
        "SUBJECT_ID": str(subject_id),
        "HADM_ID": str(stay.hadm_id),
        "ADMITTIME": f"{stay.start:%Y-%m-%d %H:%M:%S}",
        "DISCHTIME": f"{stay.end:%Y-%m-%d %H:%M:%S}",
        "DEATHTIME": died,
        "ADMISSION_TYPE": stay.kind,
        "ADMISSION_LOCATION": "EMERGENCY ROOM ADMIT",
        "DISCHARGE_LOCATION": "DEAD/EXPIRED" if died else "HOME",
        "INSURANCE": "Medicare",
        "DIAGNOSIS": diagnosis.upper(),
        "HOSPITAL_EXPIRE_FLAG": "1" if died else "0",
        "HAS_CHARTEVENTS_DATA": "1",
    }


def _diagnosis(subject_id: int, stay: _Stay, place: int, code: str) -> _Row:
    return {
        "SUBJECT_ID": str(subject_id),
        "HADM_ID": str(stay.hadm_id),
        "SEQ_NUM": str(place),
        "ICD9_CODE": code,
    }
