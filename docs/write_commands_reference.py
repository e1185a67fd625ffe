"""Writes docs/reference/commands.md: what every command says with --help."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "commands.md"
PACKAGES = ("tfrecords_builder", "clinicalbert_tf")


def command_names() -> list[str]:
    """Every module that can be run with python -m, in the order of the packages."""
    names = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if '__name__ == "__main__"' not in path.read_text(encoding="utf-8"):
                continue
            parts = path.relative_to(ROOT).with_suffix("").parts
            names.append(".".join(parts[:-1] if parts[-1] == "__main__" else parts))
    return names


def help_of(name: str) -> str:
    """What a command says with --help; places of this checkout are left out."""
    done = subprocess.run(
        [sys.executable, "-m", name, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.replace(str(ROOT), "").strip()


def main() -> None:
    parts = ["# Commands\n\nWritten from `--help`.\n"]
    for name in command_names():
        parts.append(f"## {name}\n\n```text\n{help_of(name)}\n```\n")
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    print(f"Wrote {PAGE.relative_to(ROOT)}: {len(parts) - 1} commands.")


if __name__ == "__main__":
    main()
