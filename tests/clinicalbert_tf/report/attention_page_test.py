"""The attention page holds the weights, loads nothing, and cannot be broken out of."""

import base64
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from clinicalbert_tf.report.attention_page import attention_page, attention_picture
from clinicalbert_tf.report.attribution_page import attribution_page

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
TOKENS = ["[CLS]", "</script>", "$5", "pain", "[SEP]"]


@pytest.fixture(scope="module")
def weights():
    drawn = np.random.default_rng(1).random((2, 3, 5, 5))
    return (drawn / drawn.sum(-1, keepdims=True)).astype(np.float32)


def data_of(page):
    return json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page)[1])


def test_page_holds_all_weights(weights):
    data = data_of(attention_page("A", TOKENS, weights))
    kept = np.frombuffer(base64.b64decode(data["weights"]), "<u2").reshape(weights.shape)
    np.testing.assert_allclose(kept / data["scale"], weights, atol=8e-6)
    assert (data["layers"], data["heads"], data["tokens"]) == (2, 3, TOKENS)


def test_text_cannot_end_the_script_or_the_title(weights):
    page = attention_page("<b>1</b>", TOKENS, weights)
    assert page.count("</script>") == 2 and "<b>1" not in page
    assert not re.search(r'(?:src|href)="(?!data:)', page)


def test_picture_is_a_png_of_the_head(weights):
    first, second = (attention_picture(TOKENS, weights, 1, head) for head in (0, 2))
    assert first.startswith(b"\x89PNG") and first != second


def test_attributions_colour_their_characters_and_keep_the_text():
    tokens = [
        {"start": 0, "end": 2, "attribution": 1.0},
        {"start": 3, "end": 6, "attribution": -0.5},
    ]
    page = attribution_page("A", "No <b>\nleft", {"Label": "x<y"}, tokens)
    note = re.search(r'<div class="note">(.*?)</div>', page, re.DOTALL)[1]
    assert re.sub(r"</?mark[^>]*>", "", note) == "No &lt;b&gt;\nleft"
    marks = re.findall(r'<mark class="(\w+)" style="--much:(\d+)%" title="([^"]+)">([^<]+)<', note)
    assert marks == [("for", "80", "+1.0000", "No"), ("against", "40", "-0.5000", "&lt;b&gt;")]
    assert "x&lt;y" in page


@pytest.mark.large
@pytest.mark.skipif(not BROWSER, reason="needs chromium or google-chrome")
def test_picking_works_in_a_browser(weights, tmp_path):
    probe = """<script>addEventListener("load", () => {
      byId("head").value = 2; byId("head").onchange(); byId("tokens").children[3].click();
      console.log("PROBE", byId("title").textContent, byId("tokens").children[4].title,
        byId("grid").children.length, document.documentElement.scrollWidth <= innerWidth);
      byId("grid").children[3].click(); console.log("PROBE", byId("title").textContent); });
      </script>"""
    path = tmp_path / "page.html"
    path.write_text(attention_page("A", TOKENS, weights).replace("</body>", f"{probe}</body>"))
    done = subprocess.run(
        [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
         "--enable-logging=stderr", "--v=0", "--virtual-time-budget=2000",
         "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path / 'profile'}",
         f"--screenshot={tmp_path / 'page.png'}", "--window-size=600,900", path.as_uri()],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    console = re.findall(r"CONSOLE[^\"]*\"(.*?)\", source", done.stderr)
    assert console == [
        f"PROBE Layer 1, head 3 [SEP]: {weights[0, 2, 3, 4]:.4f} 6 true",
        "PROBE Layer 2, head 1",
    ], done.stderr


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
