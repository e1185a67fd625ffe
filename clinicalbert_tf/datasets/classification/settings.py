"""What a user may say about labelled data; commands fill it in from flags."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class DataSettings:
    """Where labelled data is and how to read it.

    Attributes:
        data_dir: folder or zip archive of a release, or of train.KIND, dev.KIND and test.KIND.
        train_file, dev_file, test_file: files of your own; they win over `data_dir`.
        text_a, text_b, label, id, group: columns of your own files; "" for none.
        problem_type: see examples.PROBLEM_TYPES; "" for the data set's own.
        label_separator: between labels in one cell, for problem type "multi".
        join_label_spellings: whether `1`, `"1"` and `1.0` are one label.
        encoding: see table_files.open_text; "" to recognise it.
        separator: between cells of a CSV or TSV file of your own; "" for the kind's.
        quoted: whether quotes enclose cells in a CSV or TSV file of your own.
        do_split: fractions of train, dev and test, such as "0.8,0.1,0.1"; "" for none.
        split_seed: seed of that split.
        forbid_overlap: whether an example in two splits is an error.
        entity_form: "placeholders" or "markers", how i2b2_2010_relations shows entities.
        candidates: "all" or "possible", which pairs of i2b2_2010_relations are examples.
        hours: hours after admission that mortality's notes are taken from.
    """

    data_dir: str = ""
    train_file: str = ""
    dev_file: str = ""
    test_file: str = ""
    text_a: str = "text"
    text_b: str = ""
    label: str = "label"
    id: str = ""
    group: str = ""
    problem_type: str = ""
    label_separator: str = "|"
    join_label_spellings: bool = False
    encoding: str = ""
    separator: str = ""
    quoted: bool = True
    do_split: str = ""
    split_seed: int = 0
    forbid_overlap: bool = False
    entity_form: str = "placeholders"
    candidates: str = "all"
    hours: int = 48
