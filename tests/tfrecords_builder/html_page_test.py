"""The page that reports and inspections share."""

import pytest

from tfrecords_builder import html_page


def test_title_is_escaped_and_the_body_is_not():
    page = html_page.render("a <b> & c", "<p>x</p>", ".own { color: red; }")
    assert "<title>a &lt;b&gt; &amp; c</title>" in page
    assert "<body><p>x</p></body>" in page
    assert page.startswith("<!DOCTYPE html>") and page.endswith("</html>\n")
    assert page.index("color-scheme: light dark") < page.index(".own { color: red; }")


def test_page_needs_no_network():
    page = html_page.render("t", "")
    assert "http://" not in page and "https://" not in page


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
