"""What a user may say about labelled data; commands make their flags of it."""

import dataclasses

from clinicalbert_tf.datasets.classification.examples import PROBLEM_TYPES
from clinicalbert_tf.datasets.classification.relation_texts import ENTITY_FORMS
from clinicalbert_tf.setting_fields import setting

CANDIDATES = ("all", "possible")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Where labelled data is and how to read it; flags by their names."""

    data_dir: str = setting(
        "",
        """Folder or zip archive of a released data set, or folder of train, dev and test files of
        your own.""",
        path=True,
    )
    train_file: str = setting("", "Training table of your own.", path=True)
    dev_file: str = setting("", "Dev table of your own.", path=True)
    test_file: str = setting("", "Test table of your own.", path=True)
    text_a: str = setting("text", "Column of the text, in tables of your own.", decisive=True)
    text_b: str = setting("", "Column of the second text of pairs.", decisive=True)
    label: str = setting("label", "Column of the label.", decisive=True)
    id: str = setting("", "Column of the rows' ids. Default: id if there is one, or SPLIT-NUMBER.")
    group: str = setting(
        "",
        """Column of what stays together in splits and intervals, such as the patient or the
        document.""",
    )
    problem_type: str = setting(
        "",
        """single (one label per row), multi (any number) or regression; needed for tables of your
        own, never guessed from a number.""",
        choices=("", *PROBLEM_TYPES),
        decisive=True,
    )
    label_separator: str = setting("|", "Between the labels of one cell, with multi.")
    join_label_spellings: bool = setting(
        False, 'Whether 1, "1" and 1.0 are one label. Otherwise two spellings are an error.'
    )
    encoding: str = setting(
        "", "utf-8, utf-16, cp1252 or latin-1. Default: UTF-8, or what a byte order mark says."
    )
    separator: str = setting("", "Between cells of a CSV or TSV file of your own.")
    quoted: bool = setting(True, "Whether quotes enclose cells in a CSV or TSV file of your own.")
    sections: str = setting(
        "",
        """Kinds of section to read of each text, such as "assessment and plan,medications"
        (docs/notes.md); a text without one is read as empty. Default: the whole text.""",
        decisive=True,
    )
    do_split: str = setting(
        "",
        """Fractions TRAIN,DEV,TEST by which the training file is divided, stratified, groups kept
        together; 0.9,0.1,0 keeps a test file that is there.""",
        decisive=True,
    )
    split_seed: int = setting(0, "Seed of --do_split.", at_least=0, decisive=True)
    forbid_overlap: bool = setting(
        False, "Whether an example in two splits is an error instead of a warning."
    )
    entity_form: str = setting(
        "placeholders",
        """How i2b2_2010_relations shows entities: placeholders (@problem$) or markers around their
        words.""",
        choices=ENTITY_FORMS,
        decisive=True,
    )
    candidates: str = setting(
        "all",
        """Which pairs of i2b2_2010_relations are examples: all of one sentence, or those that can
        have a relation (one is a problem).""",
        choices=CANDIDATES,
        decisive=True,
    )
    hours: int = setting(
        48,
        "Hours after admission that mortality's notes are taken from.",
        at_least=1,
        decisive=True,
    )
