"""Windows of a text: every wordpiece owned once, with its own characters."""

import pytest

from clinicalbert_tf.inference.seeing.windows import NOWHERE, text_windows

TEXT = "The patient has sepsis. No cough, no FEVER and no pain.\n The patient denies chest pain."


@pytest.mark.parametrize("max_seq_length", [4, 7, 12, 64])
def test_owned_tokens_are_the_text(tokenizer, max_seq_length):
    windows = text_windows(tokenizer, TEXT, max_seq_length)
    owned = [
        (window.tokens[place], window.offsets[place])
        for window in windows
        for place in range(*window.owned)
    ]
    ids, offsets = tokenizer.encode_with_offsets(TEXT)
    assert owned == [(tokenizer.inverse_vocab[i], o) for i, o in zip(ids, offsets, strict=True)]
    assert all(len(window.tokens) <= max_seq_length for window in windows)


def test_offsets_are_characters_of_the_text(tokenizer):
    (window,) = text_windows(tokenizer, TEXT, 64)
    assert window.offsets[0] == window.offsets[-1] == NOWHERE
    spans = {token: TEXT[slice(*o)] for token, o in zip(window.tokens, window.offsets, strict=True)}
    assert (spans["fever"], spans["sep"], spans["##sis"]) == ("FEVER", "sep", "sis")


def test_empty_text_is_one_window(tokenizer):
    (window,) = text_windows(tokenizer, "", 8)
    assert window.tokens == ("[CLS]", "[SEP]")
    assert window.owned == (1, 1)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
