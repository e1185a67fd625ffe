"""Splits sections of clinical notes into sentences, by rules and without a model.

`splitter` gives the function for a `--sentences` setting, these rules or a spaCy pipeline.

Source: the two boundaries that the clinicalBERT scripts (Alsentzer et al. 2019,
format_mimic_for_BERT.py) add to scispaCy's are among the rules: a full stop before a word in title
case, and a hyphen that stands alone. Their deidentified spans `[** ... **]` stay whole here too.
"""

import functools
import itertools
import re
from collections.abc import Callable, Iterable

from tfrecords_builder.text import chinese

RULES = "rules"
SPACY_PREFIX = "spacy:"
# The pretraining text of Huang et al. 2019, made of whole notes.
HUANG2019 = "huang2019"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Notes are wrapped at 66 to 80 characters: a line that left room for the next line's first word
# within this length was ended on purpose.
_WRAP_LENGTH = 60

# A full stop behind these belongs to the word: a name or a number follows.
_NEVER_LAST = _words(
    "dr drs mr mrs ms prof rev sgt lt capt st vs e.g eg i.e ie cf viz approx ca fig"
)
# These end a sentence only before a word in title case.
_SELDOM_LAST = _words(
    """pt pts abd abx adm amt ant appt appts avg b.i.d bid bilat bx cal cap caps cont cx dept diff
    dil dist div dx est etc eval ext exts fem freq ft gen gtt h.s hosp hs hx i.m i.v im imp
    inc incl info init inj inpt int jr lac lat liq m.d med meds min mins misc mo
    mos mod mon neg neuro norm nos nr p.m p.o p.r.n pos poss prev prn prob prox q.d q.h q.h.s
    q.i.d q.o.d qd qhs qid ref rel resp resps rt rx sec sig sl sol spec sq sr susp sx sys
    tab tabs tbsp temp temps tid t.i.d tx u.s vent vol vols vit wk wks wt wts a.m"""
)
# Units end one before any word that is not in lower case, except a route or a frequency.
_UNITS = _words("mg mcg g gm kg lb lbs oz cc ml l dl cm mm hr hrs yr yrs")
_BEHIND_UNITS = _words("PO IV IM SC SQ SL PR IH QD QID BID TID QHS PRN Q QAM QPM DAILY")
# "J. Smith" is one name, "hepatitis C. The" two sentences.
_OPENERS = _words(
    """A According After All Also Although An And As At Because Both But By Continue Currently
    Denies During For Given He Her His However I If In It Labs Medications No Not Of On Once Our
    Patient Plan Pt She Since Some That The Their Then There These They This Today Upon Was We
    Were When While Will With Would You Your"""
)
_ABBREVIATIONS = _NEVER_LAST | _SELDOM_LAST | _UNITS | {"no"}
# Nearly all text is below it, which spares a search for each line.
_FIRST_CHINESE = "\u3000"
_CHINESE_LINE_ENDS = "。！？；｡】"
_CHINESE_LINES_GO_ON_AFTER = "，、：（"
_LINES_GO_ON_AFTER = _words(
    "a an and are as at by for from had has his her in is of on or that the to was were with"
)

_ENGLISH_MARK = r"""(?<![.!?]{2})[.!?]*['")\]\u2019\u201d]*(?:[ ]|(?<=[a-z]\.)(?=[A-Z][a-z]))"""
# One first character for each, so that the search runs at the speed of a character class.
_ENGLISH_BOUNDARIES = rf"""
        \n                                              # a line that was ended on purpose
      | \[\*\*(?:[^\n*]{{0,1000}}|.{{0,1000}}?)\*\*\]    # a deidentified span: passed over
      | \.{_ENGLISH_MARK} | !{_ENGLISH_MARK} | \?{_ENGLISH_MARK}
      | -(?<=[ ]-)[ ](?!-(?:\s|\Z))                     # a hyphen that stands alone
"""
_CHINESE_MARKS = "。！？；｡"
_CHINESE_BOUNDARIES = rf"""
        (?<=[{_CHINESE_MARKS}])[{_CHINESE_MARKS}…]*['")\]\u2019\u201d」』）】》]*[ ]?
      | (?<=[{chinese.CHARACTERS}][.!?])[ ]?(?=[{chinese.CHARACTERS}])
"""
_candidate = re.compile(_ENGLISH_BOUNDARIES, re.VERBOSE)
_candidate_beyond_ascii = re.compile(
    rf"[.!?{_CHINESE_MARKS}](?:{_CHINESE_BOUNDARIES})|{_ENGLISH_BOUNDARIES}", re.VERBOSE
)
_wrapped_span = re.compile(
    # First of all, without a loop, that it does not end on its line as nearly all spans do.
    r"\[\*\*(?![^\n*]{0,1000}\*\*\])(?:[^\n*]|\*(?!\*\])){0,1000}\n(?s:.){0,1000}?\*\*\]"
)
_dotted_letters = re.compile(r"(?:(?:[a-z]{1,2}\.)+[a-z]{1,2}|q\.?\d[\d-]*[a-z]{0,3})\Z")
_list_item = re.compile(
    r"[-*\u2022\u2013+] |\#|\d{1,2}[.)] +[A-Za-z\[]|\[\*\*[^\]]*\*\*\] +\d\d?:\d\d"
)
_lab_value = re.compile(r"[A-Z][A-Za-z0-9]* ?[A-Za-z]*-[<>]?\d")
# "Code status:" and "Full" on the next line, which is the whole answer: the section or the
# paragraph ends there, or the next label begins.
_label_end = re.compile(r":[ \t]*\n")
_answered_below = re.compile(
    r"""[ \t]*[^\W\d_][^\n:]{0,39}:[ \t]*\n
    (?=[ \t]*(?![-*\u2022\u2013+#\s]|\d{1,2}[.)][ ]|[^\n:]{1,39}:)[^\n]{1,60}
    (?:\n?\Z|\n[ \t]*\n|\n[ \t]*[^\W\d_][^\n:]{0,39}:))""",
    re.VERBOSE,
)


def check_name(name: str) -> None:
    """Refuses what is no way of splitting.

    Raises:
        ValueError: `name` is neither "rules" nor "huang2019" nor "spacy:" and a pipeline.
    """
    pipeline = name.removeprefix(SPACY_PREFIX)
    if name not in (RULES, HUANG2019) and (pipeline == name or not pipeline.strip()):
        raise ValueError(
            f"Expected sentences to be {RULES}, {HUANG2019} or {SPACY_PREFIX}PIPELINE, received "
            f"{name!r}. "
            "Name an installed spaCy pipeline, a folder of one, spacy:blank, or spacy:blank:de for "
            "another language."
        )


def describe(name: str) -> str | dict[str, str]:
    """A way of splitting as it stands in manifests: "rules", or what the pipeline is.

    Raises:
        ImportError: spaCy is not installed; names the extra.
        ValueError: there is no such pipeline.
    """
    if name == RULES:
        return name
    from tfrecords_builder.text import spacy_sentences

    if name == HUANG2019:
        return {**spacy_sentences.describe(spacy_sentences.BLANK), "pipeline": name}
    return spacy_sentences.describe(name.removeprefix(SPACY_PREFIX))


@functools.lru_cache(maxsize=1)
def splitter(name: str) -> Callable[[Iterable[str]], list[str]]:
    """What makes the sentences of all sections of a note; a process loads a pipeline once.

    Args:
        name: "rules" (English and Chinese), "huang2019" (see text.huang2019), or "spacy:" and an
            installed pipeline, a folder of one, "blank" (English), or "blank:" and another
            language's code.

    Raises:
        ImportError: spaCy is not installed; names the extra.
        ValueError: the pipeline is not there or cannot be loaded.
    """
    if name == RULES:
        return split_all_sentences
    if name == HUANG2019:
        from tfrecords_builder.text.huang2019 import Huang2019Sentences

        return Huang2019Sentences()
    from tfrecords_builder.text import spacy_sentences

    return spacy_sentences.SpacySentences(name.removeprefix(SPACY_PREFIX))


def split_sentences(section: str) -> list[str]:
    """Splits a section into sentences.

    Args:
        section: a section as `split_sections` gives it, or any other text.

    Returns:
        The sentences in order, each on one line with single blanks and none of them empty. They
        hold every character of the section that is not white space.
    """
    return _split_lines(_lines(section))


def split_all_sentences(sections: Iterable[str]) -> list[str]:
    """The sentences of all sections of a note; faster than one call for each section."""
    return _split_lines("\n".join(filter(None, map(_lines, sections))))


def _lines(section: str) -> str:
    """The section with single spaces; line breaks are only left where a sentence ends for sure."""
    # Blanks are the only printable white space: most sections of one line need no second look.
    if section.isprintable() and "  " not in section:
        return section.strip()
    return _join_wrapped_lines(section) if "\n" in section else " ".join(section.split())


def _join_answers_below(section: str) -> str:
    """Puts a line that is the whole answer to the label above it behind that label."""
    parts = []
    start = 0
    for line_end in _label_end.finditer(section):
        line = section.rfind("\n", 0, line_end.start()) + 1
        if _answered_below.match(section, line):
            parts += section[start : line_end.start() + 1], " "
            start = line_end.end()
    return "".join(parts) + section[start:] if parts else section


def _split_lines(text: str) -> list[str]:
    sentences = []
    start = 0
    ascii_only = text.isascii()
    candidates = _candidate if ascii_only else _candidate_beyond_ascii
    for match in candidates.finditer(text):
        mark, after = match.span()
        first = text[mark]
        if first == "\n":
            # Nothing stands between a Chinese full stop and the end of its line.
            if mark > start:
                sentences.append(text[start:mark])
        elif not ascii_only and (
            first in _CHINESE_MARKS
            or (first in ".!?" and mark > start and chinese.is_character(text[mark - 1]))
        ):
            # Behind an ideograph no mark belongs to an abbreviation or is a doubt.
            if mark == start:
                continue
            sentences.append(text[start:after].rstrip())
        elif first == ".":
            if not _ends_sentence(text, start, mark, after):
                continue
            sentences.append(
                text[start : mark + 1] if after == mark + 2 else text[start:after].rstrip()
            )
        elif first == "[" or mark == start or (text[mark - 1] == " " and first != "-"):
            # A bullet stays with its item, and a question mark that stands alone is a doubt about
            # what follows ("? pneumonia").
            continue
        else:
            sentences.append(text[start:after].rstrip())
        start = after
    if start < len(text):
        sentences.append(text[start:])
    return sentences


def _ends_sentence(text: str, start: int, mark: int, after: int) -> bool:
    """Whether the sentence that begins at `start` ends with the full stop at `mark`.

    Args:
        text: lines with single blanks.
        start: where the sentence begins.
        mark: where the full stop stands.
        after: where the next word begins.
    """
    following = text[after : after + 1]
    if following in ",;:.)%/\n":
        return False
    begin = text.rfind(" ", start, mark) + 1 or start
    word = text[begin:mark].lower()
    if len(word) > 2 and word not in _ABBREVIATIONS:
        # The commonest case first: a word of letters alone.
        if word.isalpha():
            return True
        if "." not in word and not word.isdigit() and word[0] not in "(\"'":
            return True
    return _ends_with_abbreviation(text, begin > start, word.strip("(\"'"), begin, after)


def _ends_with_abbreviation(text: str, inside: bool, word: str, begin: int, after: int) -> bool:
    """Whether a sentence ends behind a number, a letter or a known abbreviation.

    Args:
        inside: other words of the sentence stand before it.
        word: in lower case, without the full stop.
        begin: where the word begins.
        after: where the next word begins.
    """
    following = text[after]
    title = following.isupper() and text[after + 1 : after + 2].islower()
    if word in _NEVER_LAST:
        return False
    if word.isdigit():
        # The number of an item: at the beginning, or behind a colon.
        enumerates = not inside or (len(word) == 1 and text[begin - 2] == ":")
        return not (enumerates or following.islower())
    if word in _UNITS:
        return not following.islower() and _word_at(text, after) not in _BEHIND_UNITS
    if len(word) == 1 and word.isalpha():
        return inside and _word_at(text, after) in _OPENERS
    if word == "no":
        return not (following.isdigit() or following == "#")
    if word in _SELDOM_LAST or _dotted_letters.match(word):
        # At the beginning of a sentence it is the subject: "Pt. Smith denies".
        return inside and (title or _word_at(text, after).endswith(":"))
    return not following.islower() or len(word) > 2


def _word_at(text: str, place: int) -> str:
    # The lists hold no longer words.
    return text[place : place + 20].split(maxsplit=1)[0].rstrip(".,;")


def _join_wrapped_lines(section: str, answers_joined: bool = False) -> str:
    """Leaves a line break where a line was ended on purpose and joins all other lines.

    Args:
        section: a section of more than one line.
        answers_joined: `_join_answers_below` was applied to it.
    """
    text = section
    if "[**" in text:
        text = _wrapped_span.sub(lambda span: span[0].replace("\n", " "), text)
    ascii_only = text.isascii()
    lines = text.split("\n")
    # Found when it is first asked for: most sections have no line that it decides about.
    statements: bool | None = None
    joined: list[str] = []
    line = ""
    ended = False
    for written in lines:
        # With single spaces; a call for each line would cost as much as this itself.
        if written.isprintable() and "  " not in written:
            following = written.strip()
        else:
            following = " ".join(written.split())
        if not following:
            ended = True
            continue
        if line:
            if line[-1] == ":" and not answers_joined:
                # Few sections hold such a label, so that no other one is searched for it.
                answered = _join_answers_below(section)
                if answered != section:
                    return _join_wrapped_lines(answered, answers_joined=True)
                answers_joined = True
            if ended:
                goes_on = False
            else:
                first = following[0]
                # The commonest case first: prose that continues with a word in lower case.
                in_prose = first.islower()
                if statements is None and (in_prose or first >= _FIRST_CHINESE):
                    statements = _are_statements(text, lines)
                goes_on = (in_prose and (not statements or written[0].isspace())) or _goes_on(
                    line, following, statements
                )
            if not goes_on:
                joined.append("\n")
            elif ascii_only or not (_is_chinese(line, -1) and _is_chinese(following, 0)):
                joined.append(" ")
        joined.append(following)
        line, ended = following, False
    return "".join(joined)


def _are_statements(text: str, lines: list[str]) -> bool:
    """Whether no line of a section that is narrower than wrapped prose was wrapped.

    A wrapped line has no room for the next one's first word within the width of the section.

    Args:
        text: the section.
        lines: its lines.
    """
    # Where lines are as long as wrapped ones on average, none needs to be measured.
    if len(text) >= _WRAP_LENGTH * len(lines) or max(map(len, lines)) >= _WRAP_LENGTH:
        return False
    lines = [line.strip() for line in lines]
    widest = max(map(chinese.columns, lines))
    for line, following in itertools.pairwise(filter(None, lines)):
        first = 2 if _is_chinese(following, 0) else 1 + len(following.partition(" ")[0])
        if chinese.columns(line) + first <= widest and not _list_item.match(following):
            return True
    return False


def _goes_on(line: str, following: str, statements: bool | None) -> bool:
    """Whether the paragraph continues in a line that does not begin in lower case.

    Args:
        line: a line with single spaces.
        following: the next one.
        statements: see `_are_statements`; None if `following` makes no use of it.
    """
    if not following[0].isalpha() and _list_item.match(following):
        return False
    if following[0] >= _FIRST_CHINESE and chinese.is_character(following[0]):
        if line[-1] in _CHINESE_LINE_ENDS or chinese.title_of(following):
            return False
        return not statements or line[-1] in _CHINESE_LINES_GO_ON_AFTER
    room = _WRAP_LENGTH - len(line) - 1
    if len(following) > room and len(following.partition(" ")[0]) > room:
        return True
    last = line[-1]
    if last in ",(/&" or (last.isalpha() and line.rpartition(" ")[2].lower() in _LINES_GO_ON_AFTER):
        return True
    return (
        "-" in following
        and _lab_value.match(following) is not None
        and _lab_value.search(line) is not None
    )


def _is_chinese(text: str, place: int) -> bool:
    """Whether a character of a text that is not empty is Chinese."""
    return not text.isascii() and chinese.is_character(text[place])
