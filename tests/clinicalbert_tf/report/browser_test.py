"""The report in a real browser, where one is installed."""

import re
import shutil
import subprocess

import pytest

from clinicalbert_tf.report.page import write_report

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--enable-logging=stderr", "--v=0", "--virtual-time-budget=2000",
    # What the browser would fetch for itself stays unfetched.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip
# Says on the console how wide the page is laid out and what it has loaded beside itself.
PROBE = """<script>addEventListener("load", () => console.log("PROBE",
 document.documentElement.scrollWidth <= innerWidth ? "fits" : "too wide",
 performance.getEntriesByType("resource").length,
 document.querySelectorAll("svg").length))</script>"""

pytestmark = [
    pytest.mark.large,
    pytest.mark.skipif(not BROWSER, reason="needs chromium or google-chrome"),
]


@pytest.mark.parametrize("width", [500, 1280])
def test_page_fits_draws_and_loads_nothing(run_folder, tmp_path, width):
    path = tmp_path / "report.html"
    write_report(str(run_folder), str(path))
    probed = tmp_path / "probed.html"
    probed.write_text(path.read_text().replace("</body>", f"{PROBE}</body>"))
    picture = tmp_path / "report.png"
    done = subprocess.run(
        [BROWSER, *OPTIONS, f"--user-data-dir={tmp_path / 'profile'}", f"--screenshot={picture}",
         f"--window-size={width},1200", probed.as_uri()],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    console = re.findall(r"CONSOLE[^\"]*\"(.*?)\", source", done.stderr)
    assert console == ["PROBE fits 0 7"], done.stderr
    assert picture.stat().st_size > 10_000


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
