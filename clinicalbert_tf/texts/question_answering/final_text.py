"""From a prediction's wordpieces back to the original text, as the reference does it.

Only `--answers=reference` needs this: by default an answer is a slice of the context.
"""

from tfrecords_builder.tokenization import CONTINUATION, BertTokenizer


def joined_pieces(tokens: list[str]) -> str:
    """Wordpieces as the words that they came from, with single spaces between them."""
    text = " ".join(tokens).replace(f" {CONTINUATION}", "").replace(CONTINUATION, "")
    return " ".join(text.split())


def get_final_text(predicted: str, original: str, tokenizer: BertTokenizer) -> str:
    """The part of the original words that a prediction's wordpieces stand for.

    Args:
        predicted: the wordpieces of the prediction, see `joined_pieces`.
        original: the whole words that they came from, with single spaces between them.
        tokenizer: only its basic tokenizer is used.

    Returns:
        The part of `original` at the first place at which its tokens hold `predicted`; all of
        `original` if the tokens do not hold it, or if tokenizing removes or adds a character.

    Source: get_final_text of the BERT reference's run_squad.py.
    """
    tokenized = " ".join(tokenizer.basic_tokenizer.tokenize(original))
    start = tokenized.find(predicted)
    if start == -1:
        return original
    places = _places_without_spaces(original)
    tokenized_places = _places_without_spaces(tokenized)
    if len(places) != len(tokenized_places):
        return original
    aligned = dict(zip(tokenized_places, places, strict=True))
    first, last = aligned.get(start), aligned.get(start + len(predicted) - 1)
    if first is None or last is None:
        return original
    return original[first : last + 1]


def _places_without_spaces(text: str) -> list[int]:
    return [place for place, char in enumerate(text) if char != " "]
