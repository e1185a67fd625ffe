import os
import pathlib
import stat

import pytest

from clinicalbert_tf.inference.parts import PartsFolder


def add(parts, rows, content=b"x"):
    parts.add(rows, lambda file: file.write(content))


def test_a_second_run_takes_up_whole_parts_in_order(tmp_path):
    output = str(tmp_path / "out.npz")
    with PartsFolder(output, {"a": 1}) as parts:
        add(parts, 3, b"first")
        add(parts, 2, b"second")
    with PartsFolder(output, {"a": 1}) as parts:
        assert parts.rows_done == 5
        contents = [pathlib.Path(path).read_bytes() for path in parts.paths()]
        assert contents == [b"first", b"second"]
        add(parts, 1)
        assert os.path.basename(parts.paths()[-1]) == "part-000000000005-000000000006"
        parts.remove()
    assert not os.path.exists(parts.path)


def test_half_written_and_disconnected_parts_are_dropped(tmp_path):
    output = str(tmp_path / "out.npz")
    with PartsFolder(output, {}) as parts:
        add(parts, 3)
    folder = tmp_path / "out.npz.parts"
    (folder / "part-000000000003-000000000004.tmp-99").write_bytes(b"half")
    (folder / "part-000000000007-000000000009").write_bytes(b"after a gap")
    with PartsFolder(output, {}) as parts:
        assert parts.rows_done == 3
        assert sorted(os.listdir(folder)) == ["part-000000000000-000000000003", "settings.json"]


def test_a_part_whose_writing_fails_leaves_nothing(tmp_path):
    def fail(file):
        file.write(b"half")
        raise OSError("disk full")

    with PartsFolder(str(tmp_path / "out"), {}) as parts:
        add(parts, 1)
        with pytest.raises(OSError, match="disk full"):
            parts.add(1, fail)
        assert parts.rows_done == 1
        assert len(os.listdir(parts.path)) == 2


def test_other_settings_are_refused_by_name_and_restart_drops_the_parts(tmp_path):
    output = str(tmp_path / "out")
    with PartsFolder(output, {"layers": [-1], "pooling": "mean"}) as parts:
        add(parts, 3)
    with (
        pytest.raises(ValueError, match=r"pooling: 'mean' then, 'cls' now\).*--restart"),
        PartsFolder(output, {"layers": [-1], "pooling": "cls"}),
    ):
        pass
    with PartsFolder(output, {"layers": [-1], "pooling": "cls"}, restart=True) as parts:
        assert parts.rows_done == 0 and not parts.paths()


def test_a_run_without_a_part_leaves_no_folder_in_the_way(tmp_path):
    output = str(tmp_path / "out")
    with PartsFolder(output, {"a": 1}):
        pass
    with PartsFolder(output, {"a": 2}) as parts:
        assert parts.rows_done == 0


def test_a_second_process_is_kept_out(tmp_path):
    output = str(tmp_path / "out")
    with (
        PartsFolder(output, {}),
        pytest.raises(ValueError, match="another process"),
        PartsFolder(output, {}),
    ):
        pass


def test_folder_and_parts_are_private(tmp_path):
    with PartsFolder(str(tmp_path / "out"), {}) as parts:
        add(parts, 1)
        modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (parts.path, *parts.paths())]
    assert modes == [0o700, 0o600]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
