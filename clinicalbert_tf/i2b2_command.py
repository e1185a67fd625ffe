"""How `python -m clinicalbert_tf.run_i2b2` reads its flags; defines none itself."""

from typing import Any


def choose_what_to_do(given: dict[str, Any]) -> None:
    """Nothing asked for is everything that the data allows; --do_predict alone trains nothing."""
    names = ("do_train", "do_eval", "do_predict")
    asked = any(given.get(name) for name in names)
    for name in names[:2]:
        given.setdefault(name, not asked)
    given.setdefault("do_predict", False if asked else None)
    given["evaluate_dev"] = given["do_eval"]
    given["do_eval"] = given["do_eval"] or given["do_predict"] is not False


def many_seeds(text: str) -> list[int]:
    """The seeds of --seeds.

    Raises:
        ValueError: they are not different whole numbers.
    """
    try:
        seeds = [int(part) for part in text.split(",")]
    except ValueError:
        seeds = []
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise ValueError(
            f"Expected --seeds to be different whole numbers N,N,..., received {text!r}."
        )
    return seeds


def with_folder(argv: list[str]) -> list[str]:
    """The arguments with --write_features= where --write_features stands without a folder."""
    following = [*argv[1:], "--"]
    return [
        f"{argument}="
        if argument in ("--write_features", "-write_features") and behind.startswith("-")
        else argument
        for argument, behind in zip(argv, following, strict=True)
    ]
