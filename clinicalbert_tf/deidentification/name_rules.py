"""Rules for names: behind a title, in a field, before a degree."""

import re

from clinicalbert_tf.deidentification.pattern import rule

# Latin, Greek and Cyrillic letters; accents may be characters of their own.
_ALPHABETS = [chr(code) for code in range(0x41, 0x530)]
_UPPER = "".join(c for c in _ALPHABETS if c.isupper())
_LETTER = "".join(c for c in _ALPHABETS if c.isalpha()) + "\u0300-\u036f"
_TITLE = r"(?:Drs?|DRS?|Prof|Professor|Mrs?|MRS?|Ms|MS|Miss|Mx)"
# A word that begins with a capital (Farr, FARR, McFarr) and is no title: "Dr. Quill Dr. Farr" are
# two persons. An apostrophe or hyphen may join two.
WORD = (
    rf"(?!{_TITLE}\b)[{_UPPER}][{_LETTER}]{{0,19}}(?![{_LETTER}])"
    rf"(?:['’-][{_LETTER}]{{1,20}}(?![{_LETTER}])){{0,2}}"
)
_PARTICLE = (
    r"(?:[Vv][ao]n(?:[ \t](?:de[rn]?|het|'t))?|[Dd]e(?:[ \t]l[ao]s?|[nrl])?|[Dd][aiou]s?|[Dd]ella"
    r"|[Ll][ae]|[Tt]e[rn]|[Zz]u[mr]?|[Aa]l|[Ee]l|[Bb]in|[Bb]en|S(?:ain)?t\.?)"
)
_INITIAL = rf"[{_UPPER}]\."
_LOWER = r"[a-zß-öø-ÿ][a-zß-öø-ÿ'’-]{1,20}(?![\w.])"
# A name may be wrapped at the end of a line behind a title, not in a field.
_SPACE = r"(?:[ \t]{1,2}|[ \t]?\n[ \t]?)"
_BLANK = r"[ \t]{1,2}"
_PERSON = (
    rf"(?:{_INITIAL}[ \t]?){{0,3}}(?:{_PARTICLE}[ \t])?{WORD}"
    rf"(?:{_SPACE}(?:{_INITIAL}|[A-Z](?=\s)))?(?:{_SPACE}(?:{_PARTICLE}[ \t])?{WORD}){{0,2}}"
)
_LAST_FIRST = rf"{WORD}(?:[ -]{WORD})?,[ \t]{{0,2}}{WORD}(?:[ \t](?:{_INITIAL}|[A-Z]\b|{WORD}))?"
_FIRST_LAST = rf"{WORD}{_BLANK}(?:(?:{_INITIAL}|[A-Z])[ \t])?{WORD}(?:{_BLANK}{WORD})?"

_FIELD_END = (
    r"(?=\s*(?:$|[\n;|(]|\s{2}|,?\s(?:[0-9]|MRN|DOB|MR|Age|Sex|M\.?D|RN|on\b|at\b)|\.\s|\.$|[-–]))"
)
NAME_RULES = (
    rule(
        "DOCTOR",
        rf"\b(?:(?:Drs?|DRS?|drs?|Doctor|Prof|Professor)\b(?:\.\s{{0,2}}|\s{{1,2}})|doctor[ \t])"
        rf"(?P<found>{_PERSON})",
        flags=0,
    ),
    rule(
        "PATIENT",
        rf"\b(?:(?:[Mm]rs?|MRS|Ms|Miss|Mx)(?:\.\s{{0,2}}|\s{{1,2}})|(?:MR|MS|ms)\.\s{{0,2}})(?P<found>{_PERSON})",
        flags=0,
    ),
    # Typed without any capital: the word behind the title.
    rule("DOCTOR", rf"\bdr\.\s{{0,2}}(?P<found>{_LOWER})", flags=0),
    rule("PATIENT", rf"\b(?:mr|mrs)\.\s{{0,2}}(?P<found>{_LOWER})", flags=0),
    rule(
        "DOCTOR",
        rf"(?P<found>\b{WORD}(?:\s{{1,2}}{_INITIAL})?\s{{1,2}}{WORD}(?:\s{WORD})?),?\s{{1,2}}"
        r"(?:M\.?D|D\.?O|R\.?N|N\.?P|P\.?A-?C?|Ph\.?D|PharmD|MBBS|LICSW|D\.?D\.?S|FACP|FACS)\b",
        flags=0,
    ),
    rule(
        "PATIENT",
        r"\b(?:Patient\sName|PATIENT\sNAME|Patient|PATIENT|Pt|Name|NAME|Patient's\sname|Mother|Father|Spouse|"
        r"Next\sof\sKin|Emergency\sContact|Contact)\s?:\s{0,4}"
        rf"(?P<found>{_LAST_FIRST}|{_FIRST_LAST}){_FIELD_END}",
        flags=re.MULTILINE,
    ),
    rule(
        "PATIENT",
        r"\b(?i:(?:first|last|middle|maiden|given|family)\sname|surname|forename)\s?:[ \t]{0,4}"
        rf"(?P<found>(?:{_PARTICLE}[ \t])?{WORD}|{_LOWER})",
        flags=0,
    ),
    rule(
        "PATIENT",
        r"\b(?i:pt\.?|patient|patient's)\s(?i:name)\s?:[ \t]{0,4}"
        rf"(?P<found>{_LOWER}(?:,[ \t]?|[ \t]){_LOWER}){_FIELD_END}",
        flags=re.MULTILINE,
    ),
    rule(
        "PATIENT",
        r"\b(?i:emergency\scontact|next\sof\skin|nok|hcp|health\scare\sproxy)\s?:\s{0,4}"
        r"(?i:(?:his|her)\s)?(?i:wife|husband|spouse|partner|mother|father|son|daughter|brother|sister|friend)"
        rf",?\s{{1,2}}(?P<found>{_FIRST_LAST}|{WORD})",
        flags=0,
    ),
    rule(
        "DOCTOR",
        r"\b(?i:attending|physician|provider|pcp|primary\scare\sphysician|referring\sphysician|surgeon|"
        r"assistant|anesthesiologist|radiologist|dictated\sby|signed\sby|signed|electronically\ssigned\sby|"
        r"reviewed\sby|transcribed\sby|author|resident)\s?:\s{0,4}"
        rf"(?P<found>{_LAST_FIRST}|{_FIRST_LAST}|{WORD}){_FIELD_END}",
        flags=re.MULTILINE,
    ),
    rule(
        "DOCTOR",
        rf"(?P<found>\b{WORD}),\s{{1,2}}(?:M\.D|MD|R\.N|RN|N\.P|PA-C|PharmD|MBBS|FACP|FACS)\b(?!\s[0-9]{{5}})",
        flags=0,
    ),
    rule(
        "PATIENT",
        rf"\b(?:Patient|PATIENT|patient|Pt|pt)\s(?P<found>{_FIRST_LAST})(?=,|\s(?:is|was|has|had|who|c/o|s/p|presents?|"
        r"presented|underwent|reports?|denies)\b)",
        flags=0,
    ),
    rule(
        "PATIENT",
        rf"(?:^|[.:]\s{{1,2}})(?P<found>{_FIRST_LAST})(?=,?\s(?:is|was)\san?\s(?:very\s)?(?:pleasant\s)?[0-9]{{1,3}}\b)",
        flags=re.MULTILINE,
    ),
    rule(
        "PATIENT", rf"\b(?i:my\sname\sis|named|patient's\sname\sis)\s(?P<found>{_PERSON})", flags=0
    ),
    rule("USERNAME", r"\b(?:username|user\sid|login)\s?:\s{0,3}(?P<found>[\w.-]{2,32})"),
)
# "Drs. Quill, Farr, and Hale": each is a span of its own.
NAME_LIST = re.compile(
    rf"\b(?:Drs|DRS|drs)\b\.?\s{{1,2}}(?P<first>{WORD})(?:(?:,\s|\s?/\s?|,?\s(?:and|&)\s){WORD}){{1,6}}"
)
# Headings that look like a name behind a title or in a field.
_NO_NAMES = frozenset((
    "md", "rn", "np", "do", "pa", "phd",
    "phone", "fax", "pager", "yes", "available", "pending", "self", "refused", "deferred",
    "the", "and", "or", "of", "history", "physical", "exam", "examination", "report", "note",
    "date", "time", "service", "unit", "room", "allergies", "medications", "none", "unknown",
    "same", "see", "is", "was", "has", "with", "from", "male", "female", "hospital", "clinic",
    "department", "discharge", "admission", "diagnosis", "procedure", "assessment", "plan", "he",
    "she", "they", "patient", "denies", "contrast", "it", "this", "that", "these", "those",
    "there", "then", "i", "we", "you", "her", "his", "their", "if", "when", "after", "before",
    "on", "in", "at", "to", "by", "for", "as", "no", "not", "but",
))  # fmt: skip


def name_end(text: str, start: int, end: int) -> int:
    """Ends a name before its first word that is none."""
    for match in re.finditer(r"[^\s,.]+", text[start:end]):
        if match[0].lower() in _NO_NAMES:
            return start + len(text[start : start + match.start()].rstrip(" ,"))
    return end
