"""The invented text of one note of each kind that MIMIC-III holds."""

from collections.abc import Callable

from tfrecords_builder.invention.synthetic_words import Words, capital, numbered

_RULER = "_" * 78
_VITALS = (
    "BP {number:92-168}/{number:48-94}, HR {number:56-118}, RR {number:12-26}, SpO2 "
    "{number:91-100}% on {number:1-4}L NC."
)
_COURSE = (
    "The patient {theme:course}.",
    "{Pronoun} {theme:course} on [**{date}**].",
    "On hospital day {number:2-9}, {pronoun} {theme:course}.",
    "The patient was admitted with {diagnosis} and treated with {dose}.",
    "{Pronoun} was seen by {consult}, who recommended {dose}.",
    "Dr. [**Last Name (STitle) {number:50-899}**] from {consult} recommended: {theme:plan}.",
    "Given history of {theme:history}, {drug} was {one_of:continued|held|restarted|increased} "
    "pending further work-up.",
    "{lab} on admission and {lab_value} {one_of:the next morning|at discharge|on repeat}.",
    "Imaging {one_of:showed|was notable for|again showed} {theme:findings}.",
    "{Drug} was {one_of:started|continued|titrated} with {one_of:good|partial|minimal} effect "
    "for {diagnosis}.",
    "Blood cultures from [**{date}**] showed no growth.",
    "Transferred to [**Hospital{number:1-4} {number:1-99}**] on [**{date}**] in "
    "{one_of:stable|good|guarded} condition.",
    "Plan on transfer: {theme:plan}.",
    _VITALS,
)
_HISTORY = (
    "Pt. is a {age} y.o. {man} with history of {theme:history} who presents with "
    "{theme:complaints}.",
    "Pt. c/o {theme:symptoms} that worsened {one_of:overnight|acutely|since last Tuesday|over "
    "the past 3 days}; imaging showed {theme:findings}.",
    "{Pronoun} also noted {theme:symptoms} and {theme:symptoms}.",
    "{Pronoun} denied fevers, chills, N/V/D, or {one_of:headache|vision changes|rash|recent "
    "travel} at that time.",
    "In the ED, initial vitals were T {number:96.1-101.8} BP {number:88-172}/{number:48-96} HR "
    "{number:58-124} RR {number:12-28} SpO2 {number:90-100}% on RA.",
    "{Pronoun} was given {dose} and admitted to the floor for {diagnosis}.",
    "At home {pronoun} takes {drug} for {theme:history}.",
    "Labs were notable for {lab_value}.",
)
_DISCHARGE_OPENING = (
    "Admission Date:  [**{admitted}**]              Discharge Date:   [**{discharged}**]\n\n"
    "Date of Birth:  [**{birth}**]             Sex:   {sex}\n\n"
    "Service: {service}\n\n"
    "Allergies:\n{one_of:Penicillins|Sulfa (Sulfonamides) / Codeine|No Known Allergies / "
    "Adverse Drug Reactions}\n\n"
    "Attending:[**First Name3 (LF) {number:1000-1999}**]\n\n"
    "Chief Complaint:\n{Theme:complaints}\n\n"
    "Major Surgical or Invasive Procedure:\n{one_of:None|Central line placement|PICC placement}"
)
_SOCIAL = (
    "Social History:\nLives with {one_of:wife|husband|daughter|a friend} in "
    "[**Location (un) {number:10-99}**]. Quit smoking {number:2-30} years ago, "
    "{number:5-60} pack-years.\n\nFamily History:\n{one_of:Non-contributory|Father with "
    "CAD|Mother with breast cancer}"
)
_DISCHARGE_CLOSING = (
    "Discharge Disposition:\n{one_of:Home|Home With Service|Extended Care}\n\n"
    "Discharge Diagnosis:\nPrimary: {diagnosis}\nSecondary: {theme:history}\n\n"
    "Discharge Condition:\n{one_of:Stable|Good}, ambulating {one_of:independently|with walker}.\n\n"
    "Discharge Instructions:\nYou were admitted to the hospital with {diagnosis}.\n"
    "Please call your doctor if you have:\n- fever > 101\n- {theme:symptoms}\n- "
    "{theme:complaints}\n\n"
    "Followup Instructions:\nProvider: [**Last Name (STitle) {number:50-899}**], MD "
    "Phone:[**Telephone/Fax (1) {number:100-999}**]\nDate/Time:[**{date}**] 9:30\n"
)
_PRESCRIPTION = (
    "{line} Tablet Sig: One (1) Tablet {route}.\nDisp:*{tablets} Tablet(s)* Refills:*{refills}*"
)
_NURSING = (
    "{Theme:complaints}, {diagnosis}\nAssessment:\n{exam} "
    + _VITALS
    + "\nAction:\nGiven {dose}. {Theme:plan}.\nResponse:\nPt {theme:course}.\nPlan:\n"
    "{Theme:plan}; {theme:plan}.\n"
)
_NURSING_SYSTEMS = (
    "NEURO: Alert and oriented x{number:1-3}, MAE, follows commands. {exam}",
    "CV: " + _VITALS + " {one_of:NSR|SR with rare PVCs|Afib} on monitor.",
    "RESP: {one_of:LS clear|LS coarse|Diminished at bases}. Given {dose} as ordered.",
    "GI: Abd soft, {one_of:+BS|hypoactive BS}. Tolerating {one_of:clears|cardiac diet|ice chips}.",
    "GU: Foley draining {one_of:clear yellow|amber|cloudy} urine {number:20-140} cc/hr.",
    "ID: T max {number:97.2-101.9}. WBC {number:4.1-19.8}. Cultures pending.",
    "SKIN: {one_of:Intact|Coccyx pink, barrier cream applied|PIV x2 patent}. {lab_value}.",
    "SOCIAL: {one_of:Wife|Husband|Daughter|Son} called, updated on {diagnosis}.",
    "A/P: {age} y.o. with {diagnosis}. {Theme:plan}. {Theme:plan}.",
)
_RADIOLOGY_OPENING = (
    "[**{number:1-12}-{number:1-28}**] {number:1-12}:{number:10-59} AM\n"
    " {study} Clip # [**Clip Number (Radiology) {number:10000-99999}**]\n"
    " Reason: {theme:complaints}, eval for {diagnosis}\n"
    f" {_RULER}\n Final Report\n"
    " INDICATION:  {age}-year-old {man} with {theme:history} and {theme:complaints}.\n\n"
    " COMPARISON:  [**{date}**].\n\n FINDINGS:  "
)
_FINDINGS = (
    "There is {theme:findings}.",
    "Again seen is {theme:findings}.",
    "The {one_of:present|current|portable} study shows {theme:findings}, in keeping with "
    "{diagnosis}.",
    "No other acute abnormality is seen.",
    "{Drug} was given before the examination for {theme:symptoms}.",
    "The {one_of:heart|mediastinum|skeleton} {one_of:is|appears} unremarkable.",
)
_ECG = (
    "{theme:electrocardiogram}. Rate {number:48-140}.",
    "Compared to the previous tracing of [**{date}**] {one_of:no diagnostic change|the rate has "
    "slowed|the findings are new}.",
)
_ECHO_OPENING = (
    "PATIENT/TEST INFORMATION:\nIndication: {Theme:complaints}.\nHeight: (in) {number:58-75}\n"
    "Weight (lb): {number:98-290}\nBSA (m2): {number:1.48-2.49} m2\n"
    "BP (mm Hg): {number:92-168}/{number:48-94}\nHR (bpm): {number:52-128}\nStatus: Inpatient\n"
    "Test: {one_of:Portable TTE (Complete)|TTE (Focused views)}\n\n"
    "INTERPRETATION:\n\nFindings:\n\n{theme:echocardiogram}. LVEF {number:20-70}%.\n\n"
    "{theme:echocardiogram}.\n\nConclusions:\n"
)
_ECHO_CONCLUSIONS = (
    "Suboptimal image quality in this {age} year old {man}.",
    "The findings are consistent with {diagnosis}.",
    "Compared with the report of [**{date}**], there is no significant change.",
    "The estimated LVEF is {number:20-70}%.",
)
_RESPIRATORY = (
    "Demographics\nDay of mechanical ventilation: {number:1-14}\n"
    "Ideal body weight: {number:48-82} kg\n\nAirway\n"
    "Tube Type: ETT, taped {number:20-24} cm at teeth\n\nLung sounds\n"
    "RLL Lung Sounds: {one_of:Clear|Rhonchi|Diminished|Crackles}\n"
    "LLL Lung Sounds: {one_of:Clear|Rhonchi|Diminished|Crackles}\n\nSecretions\n"
    "Sputum color / consistency: {one_of:Tan|White|Yellow} / {one_of:Thick|Thin}\n\nPlan\n"
    "Next 24-48 hours: {Theme:plan}; {one_of:wean FiO2 as tolerated|RSBI in a.m.|reduce PEEP}.\n"
    "Comments: {age} y.o. with {diagnosis} {theme:course}.\n"
)


def discharge_summary(words: Words) -> str:
    medications = [" ".join(drug) for drug in words.sample(words.theme.drugs, 4)]
    prescriptions = [
        _PRESCRIPTION.format(
            line=line,
            route=words.pick(("PO DAILY", "PO BID", "PO Q6H:PRN pain")),
            tablets=words.pick((14, 30, 60)),
            refills=words.pick((0, 1, 2)),
        )
        for line in medications
    ]
    parts = (
        words.fill(_DISCHARGE_OPENING),
        "History of Present Illness:\n" + words.prose(_HISTORY, 8),
        "Past Medical History:\n" + numbered(words.sample(words.theme.history, 3)),
        words.fill(_SOCIAL),
        "Physical Exam:\n" + words.exam_lines(),
        "Pertinent Results:\n" + words.lab_table() + "\n" + words.lab_table(),
        words.fill("IMAGING: {Theme:findings}.") + "\n" + _RULER,
        "Brief Hospital Course:\n" + words.prose(_COURSE, 12),
        words.fill("# {Diagnosis}: ") + words.prose(_COURSE, 6),
        words.fill("# {Theme:history}: ") + words.prose(_COURSE, 5),
        "Medications on Admission:\n" + "\n".join(medications),
        "Discharge Medications:\n" + numbered(prescriptions),
        words.fill(_DISCHARGE_CLOSING),
    )
    return "\n\n".join(parts)


def physician(words: Words) -> str:
    plan = [f"- {capital(line)}" for line in words.sample(words.theme.plan, 3)]
    parts = (
        words.fill("Chief Complaint:\n{Theme:complaints}"),
        "24 Hour Events:\n" + words.prose(_COURSE, 4),
        "HPI:\n" + words.prose(_HISTORY, 6),
        "Physical Examination\n" + words.exam_lines(),
        "Labs / Radiology\n" + words.lab_table(),
        words.fill("Assessment and Plan\n# {diagnosis}: ") + words.prose(_COURSE, 6),
        "Plan:\n" + "\n".join(plan),
        words.fill("Lines:\n20 Gauge - [**{date}**] 0{number:1-9}:{number:10-59} PM"),
        words.fill("Code status: {one_of:Full code|DNR / DNI}\n"),
    )
    return "\n\n".join(parts)


def nursing(words: Words) -> str:
    return words.fill(_NURSING)


def nursing_other(words: Words) -> str:
    systems = sorted(words.sample(range(len(_NURSING_SYSTEMS)), 6))
    lines = [words.fill(_NURSING_SYSTEMS[index]) for index in systems]
    return "\n".join([words.fill("NPN {one_of:7a-7p|7p-7a|1900-0700}"), *lines, ""])


def radiology(words: Words) -> str:
    impression = [capital(line) + "." for line in words.sample(words.theme.findings, 2)]
    opening = words.fill(_RADIOLOGY_OPENING)
    return f"{opening}{words.prose(_FINDINGS, 6)}\n\n IMPRESSION:\n\n {numbered(impression)}\n"


def ecg(words: Words) -> str:
    return words.prose(_ECG[:1], 1) + " " + words.prose(_ECG[1:], 1) + "\n"


def echo(words: Words) -> str:
    return words.fill(_ECHO_OPENING) + words.prose(_ECHO_CONCLUSIONS, 3) + "\n"


def respiratory(words: Words) -> str:
    return words.fill(_RESPIRATORY)


# How MIMIC-III spells the category (two of them end in a blank), what writes it, its share among
# the notes of a stay besides the discharge summary, and whether the note carries a time of day.
KINDS: tuple[tuple[str, Callable[[Words], str], int, bool], ...] = (
    ("Nursing/other", nursing_other, 9, True),
    ("Radiology", radiology, 7, True),
    ("Nursing", nursing, 5, True),
    ("ECG", ecg, 3, False),
    ("Physician ", physician, 4, True),
    ("Echo", echo, 2, False),
    ("Respiratory ", respiratory, 2, True),
)
