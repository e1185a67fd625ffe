"""Labelled words as the files that the reference's scorers read.

Source: ner_detokenize.py and format_for_i2b2_eval.py of clinicalBERT (Alsentzer et al. 2019).
"""

from collections.abc import Iterable, Sequence

from clinicalbert_tf.texts.tags import split_tag, to_bio


def word_gold_predicted(
    words: Iterable[Sequence[str]],
    gold: Iterable[Sequence[str]],
    predicted: Iterable[Sequence[str]],
) -> str:
    """NER_result_conll_*.txt: word, gold and predicted label; an empty line after each sentence."""
    return "".join(
        "".join(f"{word} {a} {b}\n" for word, a, b in zip(*sentence, strict=True)) + "\n"
        for sentence in zip(words, gold, predicted, strict=True)
    )


def concept_lines(words: Sequence[str], labels: Sequence[str], line: int) -> list[str]:
    """The lines of an i2b2 .con file for one line of words.

    Args:
        words: the words.
        labels: one per word; an I- that begins an entity counts as B-.
        line: the line's number, from 1.
    """
    tags = [split_tag(label) for label in to_bio(labels)[0]]
    lines = []
    for start, (prefix, kind) in enumerate(tags):
        if prefix != "B":
            continue
        end = start
        while end + 1 < len(tags) and tags[end + 1][0] == "I":
            end += 1
        text = " ".join(words[start : end + 1]).lower()
        lines.append(f'c="{text}" {line}:{start} {line}:{end}||t="{kind.capitalize()}"')
    return lines


def concept_file(words: Iterable[Sequence[str]], labels: Iterable[Sequence[str]]) -> str:
    """An i2b2 .con file: one line per entity, no line end behind the last."""
    return "\n".join(
        line
        for number, sentence in enumerate(zip(words, labels, strict=True), start=1)
        for line in concept_lines(*sentence, number)
    )
