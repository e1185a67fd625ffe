"""Rules for contacts, numbers of persons and records, addresses and high ages."""

import ipaddress
import re

from clinicalbert_tf.deidentification.name_rules import WORD
from clinicalbert_tf.deidentification.pattern import rule

AGE_LIMIT = 89

_HYPHEN = r"[-‐‑‒–—−.]"
_GAP = rf"(?:\s?{_HYPHEN}\s?|\s)"
_NUMBER_WORD = r"(?:number|numbers|num|nr|no|id|\#)"
_CODE = r"(?P<found>(?=[A-Za-z-]{0,10}[0-9])[A-Za-z0-9][A-Za-z0-9-]{2,23})(?![A-Za-z0-9])"
_STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|DC|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|"
    "NM|NY|NC|ND|OH|OK|OR|PA|PR|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY"
)
_STATE_NAMES = (
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|"
    "Idaho|Illinois|Indiana|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|"
    "Minnesota|Mississippi|Missouri|Montana|Nebraska|Nevada|New Hampshire|New Jersey|New Mexico|"
    "New York|North Carolina|North Dakota|Ohio|Oklahoma|Oregon|Pennsylvania|Rhode Island|"
    "South Carolina|South Dakota|Tennessee|Texas|Utah|Vermont|Virginia|Washington|West Virginia|"
    "Wisconsin|Wyoming"
)
_STREET = (
    "Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Drive|Dr|Lane|Ln|Court|Ct|Place|Pl|Square|Sq|Terrace|"
    "Ter|Highway|Hwy|Parkway|Pkwy|Circle|Cir|Way|Trail"
)


def _luhn(match: re.Match) -> bool:
    digits = [int(c) for c in match["found"] if c.isdigit()][::-1]
    total = sum(digits[::2]) + sum(sum(divmod(2 * d, 10)) for d in digits[1::2])
    return 13 <= len(digits) <= 19 and total % 10 == 0


def _iban(match: re.Match) -> bool:
    text = re.sub(r"\s", "", match["found"]).upper()
    moved = text[4:] + text[:4]
    return 15 <= len(text) <= 34 and int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def _ip(match: re.Match) -> bool:
    try:
        ipaddress.ip_address(match["found"])
    except ValueError:
        return False
    return True


_CONTACTS = (
    rule("EMAIL", r"(?<![\w.+%-])(?P<found>[\w.+%'-]{1,64}@(?:[\w-]{1,63}\.){1,6}[a-z]{2,24})\b"),
    rule("URL", r"(?P<found>\b(?:https?|ftp)://[^\s<>\"')\]]{3,300}[^\s<>\"')\].,;:!?])"),
    rule(
        "URL",
        r"(?<![\w@.-])(?P<found>www\.[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}(?:/[^\s<>\"')\],;]{0,200}[^\s<>\"')\].,;:!?])?)",
    ),
    rule(
        "URL",
        r"(?<![\w@.-])(?P<found>(?:[a-z0-9-]{1,63}\.){1,5}(?:com|org|net|edu|gov|mil|info|io|co\.uk|us"
        r"|de|fr|es|health)(?:/[^\s<>\"')\],;]{0,200}[^\s<>\"')\].,;:!?])?)(?![\w@.-]*@)(?![\w-])",
    ),
    rule("IPADDR", r"(?<![0-9.])(?P<found>(?:[0-9]{1,3}\.){3}[0-9]{1,3})(?!\.?[0-9])", _ip),
    rule("IPADDR", r"(?<![\w:])(?P<found>(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{1,4})(?![\w:])", _ip),
)
_PHONES = (
    rule(
        "PHONE",
        rf"(?<![0-9A-Za-z])(?P<found>(?:\+?1{_GAP}?)?(?:\([2-9][0-9]{{2}}\)\s?{_HYPHEN}?\s?[0-9]{{3}}{_GAP}?|[2-9][0-9]{{2}}"
        rf"{_GAP}\s?[0-9]{{3}}{_GAP})[0-9]{{4}}(?:\s?,?\s?(?:x|ext\.?|extension)\s?[0-9]{{1,6}})?)(?![0-9])",
    ),
    rule(
        "PHONE",
        r"(?<![0-9A-Za-z])(?P<found>(?:\+|00)[1-9][0-9]{0,2}(?:[\s().-]{0,2}[0-9]{1,4}){2,6}"
        r"(?:\s?(?:x|ext\.?)\s?[0-9]{1,6})?)(?![0-9])",
        lambda m: 8 <= sum(c.isdigit() for c in m["found"]) <= 18,
    ),
    rule(
        "PHONE",
        r"\b(?:phone|telephone|tel|cell|mobile|call|fax|pager|beeper|page|ext|extension|p\s?#|contact)"
        rf"\b\s?{_NUMBER_WORD}?\.?\s?(?:\#|:|at|is|-)?\s{{0,2}}(?P<found>\(?[0-9][0-9().\s‐–-]{{1,18}}[0-9])"
        r"(?![0-9%/])(?!\s?(?:mg|ml|cc|hours|days|weeks|min|times|x\b))",
        lambda m: 4 <= sum(c.isdigit() for c in m["found"]) <= 15,
    ),
    rule(
        "PHONE",
        r"(?<![0-9A-Za-z.-])(?P<found>[2-9][0-9]{2}[-‐–][0-9]{4})(?![0-9-])(?!\s?(?:m?c?g|m?l|cc|units?|k?cal|cells|k/)\b)",
    ),
    # National numbers outside North America, and any number that somebody is called at.
    rule(
        "PHONE",
        r"(?<![0-9A-Za-z.,/-])(?P<found>0[0-9]{1,4}(?:[ .-][0-9]{2,4}){2,4})(?![0-9.-])",
        lambda m: 8 <= sum(c.isdigit() for c in m["found"]) <= 13,
    ),
    rule(
        "PHONE",
        r"\b(?:call(?:ed|ing)?|reach(?:ed)?|answering|messages?|dial|text)(?:\s[a-z]{2,8}){0,2}\s"
        r"(?:at|on|to)\s(?P<found>[0-9][0-9() .-]{5,16}[0-9])(?![0-9/%])",
        lambda m: 7 <= sum(c.isdigit() for c in m["found"]) <= 13,
    ),
)
_NUMBERS = (
    rule(
        "SSN", rf"(?<![0-9A-Za-z-])(?P<found>[0-9]{{3}}{_GAP}[0-9]{{2}}{_GAP}[0-9]{{4}})(?![0-9-])"
    ),
    rule(
        "SSN",
        r"\b(?:ssn|social security)\b[^0-9\n]{0,20}(?P<found>[0-9][0-9 -]{2,12}[0-9])(?![0-9])",
    ),
    rule(
        "MEDICALRECORD",
        r"\b(?:mrn|mr\s?\#|mr\sno|med(?:ical)?\s?rec(?:ord)?s?|record|chart|unit|hospital|patient)\b"
        rf"\s?{_NUMBER_WORD}?\.?\s?(?:\#|:|is|=|-)?\s{{0,3}}\#?{_CODE}",
        lambda m: sum(c.isdigit() for c in m["found"]) >= 4,
    ),
    rule(
        "MEDICALRECORD",
        rf"\b(?:mrn|mr\#|medical record\b[^0-9\n]{{0,12}}|chart\s?\#)\W{{0,4}}{_CODE}",
    ),
    # Digits in groups, as some hospitals print them.
    rule(
        "MEDICALRECORD",
        r"\b(?:mrn|medical record number|unit number)\W{0,4}"
        r"(?P<found>[0-9]{2,4}(?: [0-9]{2,4}){2,3})(?![0-9])",
    ),
    rule(
        "HEALTHPLAN",
        r"\b(?:policy|member|subscriber|insurance|medicare|medicaid|group|plan|beneficiary|claim)\b"
        rf"\s?{_NUMBER_WORD}\.?\s?(?:\#|:|is|=|-)?\s{{0,3}}\#?{_CODE}",
    ),
    rule(
        "ACCOUNT",
        rf"\b(?:account|acct|billing|invoice)\b\s?{_NUMBER_WORD}?\.?\s?(?:\#|:|is|=|-)?\s{{0,3}}\#?{_CODE}",
    ),
    rule(
        "LICENSE",
        r"\b(?:licen[sc]e|dea|npi|driver'?s\slicen[sc]e|passport|certificate|plate)\b"
        rf"\s?{_NUMBER_WORD}?\.?\s?(?:\#|:|is|=|-)?\s{{0,3}}\#?{_CODE}",
        lambda m: sum(c.isdigit() for c in m["found"]) >= 3,
    ),
    rule("VEHICLE", rf"\bvin\b\s?{_NUMBER_WORD}?\.?\s?(?:\#|:|is|=)?\s{{0,3}}{_CODE}"),
    rule(
        "DEVICE",
        rf"\b(?:serial|device|s/n|lot|model)\b\s?{_NUMBER_WORD}?\.?\s?(?:\#|:|is|=)?\s{{0,3}}\#?{_CODE}",
        lambda m: sum(c.isdigit() for c in m["found"]) >= 4,
    ),
    rule(
        "IDNUM",
        r"\b(?:id|identifier|identification|accession|specimen|case|encounter|visit|csn|job|dictation|"
        rf"document|reference|order|registration)\b\s?{_NUMBER_WORD}?\.?\s?(?:\#|:|is|=)\s{{0,3}}\#?{_CODE}",
    ),
    rule("IDNUM", r"(?<![0-9A-Za-z.,/-])(?P<found>[A-Z]{0,3}[0-9]{7,20})(?![0-9A-Za-z]|[.,][0-9])"),
    rule(
        "ACCOUNT", r"(?<![0-9A-Za-z-])(?P<found>[0-9](?:[ -]?[0-9]){12,18})(?![0-9A-Za-z])", _luhn
    ),
    rule(
        "ACCOUNT",
        r"(?<![0-9A-Za-z])(?P<found>[A-Z]{2}[0-9]{2}(?:\s?[A-Z0-9]{2,4}){3,8}(?:\s?[A-Z0-9]{1,3})?)(?![A-Za-z0-9])",
        _iban,
        flags=0,
    ),
)
_ADDRESSES = (
    rule(
        "ZIP",
        rf"(?:\b(?:{_STATES})\b|\b(?:{_STATE_NAMES})\b)\.?,?\s{{1,4}}(?P<found>[0-9]{{5}}(?:-[0-9]{{4}})?)(?![0-9-])",
        flags=0,
    ),
    rule(
        "ZIP",
        r"\b(?:zip|zip\s?code|postal\s?code|postcode)\b\s?(?::|is|\#|=)?\s{0,3}"
        r"(?P<found>[0-9]{5}(?:-[0-9]{4})?|[A-Z]{1,2}[0-9][A-Z0-9]?\s?[0-9][A-Z]{2}|[A-Z][0-9][A-Z]\s?[0-9][A-Z][0-9])"
        r"(?![0-9A-Za-z])",
    ),
    rule(
        "STREET",
        rf"(?<![0-9A-Za-z./])(?P<found>[0-9]{{1,6}}[A-Z]?(?:\s(?:N|S|E|W|North|South|East|West)\.?)?(?:\s{WORD}|"
        rf"\s[0-9]{{1,3}}(?:st|nd|rd|th)){{1,3}}\s(?:{_STREET})\b\.?"
        r"(?:,?\s(?:Apt|Apartment|Suite|Ste|Unit|Floor|Fl|\#)\.?\s?[0-9A-Z-]{1,6})?)",
        flags=0,
    ),
    rule("STREET", r"\b(?P<found>P\.?\s?O\.?\s?Box\s[0-9]{1,8})\b"),
)
_TENS = "(?:ninety|one hundred)"
_ONES = "(?:[\\s-](?:and[\\s-])?(?:one|two|three|four|five|six|seven|eight|nine|ten))?"
_AGE = r"(?P<found>9[0-9]|1[0-4][0-9])"
_OLDER = lambda match: not match["found"].isdigit() or int(match["found"]) > AGE_LIMIT
_AGES = (
    rule(
        "AGE",
        rf"(?<![0-9./]){_AGE}(?=[\s-]{{0,2}}(?:years?|yrs?|y)[\s./-]{{0,2}}(?:old|o|of\sage)\b)",
        _OLDER,
    ),
    rule(
        "AGE",
        rf"(?<![0-9./]){_AGE}(?=\s?(?:yo|y/o|y\.o\.|yr|yrs|year-old|yof|yom|y\.?o|y)\b)",
        _OLDER,
    ),
    rule(
        "AGE",
        rf"\b(?:aged?|age\sof|at\sage|age\s?/\s?(?:sex|gender))\s?(?::|is|=|of)?\s{{0,2}}{_AGE}(?![0-9%]|/[0-9]|\.[0-9])",
        _OLDER,
    ),
    rule("AGE", rf"\baged?\s(?P<found>{_TENS}{_ONES})\b"),
    rule(
        "AGE",
        r"\bin\s(?:his|her|their)\s(?:early|mid|late)?[\s-]?(?P<found>(?:9|10)0)(?='?s\b)",
    ),
    rule("AGE", rf"\b(?:turned|turning)\s{_AGE}(?![0-9/%]|\.[0-9])", _OLDER),
    rule("AGE", rf"\b(?P<found>{_TENS}{_ONES})(?=[\s-](?:years?|yrs?)[\s-](?:old|of\sage)\b)"),
    rule(
        "AGE",
        rf"(?<![0-9./]){_AGE}(?=\s?[MF]\b)(?=.{{1,2}}\s(?:with|who|h/o|s/p|admitted|presents))",
        _OLDER,
        0,
    ),
)
NUMBER_RULES = (*_CONTACTS, *_PHONES, *_NUMBERS, *_ADDRESSES, *_AGES)
