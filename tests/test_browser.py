from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser import OpenedPage

LOUD = """<!doctype html><meta charset="utf-8"><title>口岸</title>
<p style="break-after: page">霍尔果斯</p><p>second</p><img src="missing.png">
<script>console.log("quiet"); console.warn("careful"); thisDoesNotExist();</script>"""


def test_a_page_tells_what_is_wrong_with_it(open_page: Callable[..., OpenedPage], tmp_path: Path):
    file = tmp_path / "loud.html"
    file.write_text(LOUD, encoding="utf-8")
    opened = open_page(file)
    assert opened.page.title() == "口岸"
    # A set: the image fails when it likes.
    assert {"log: quiet", "warning: careful"} < set(opened.messages)
    assert "thisDoesNotExist" in opened.errors[0]
    assert opened.requests == [file.as_uri(), (tmp_path / "missing.png").as_uri()]
    assert opened.failures == [(tmp_path / "missing.png").as_uri()]
    assert not any("quiet" in problem for problem in opened.problems)
    assert len(opened.problems) == 4  # the warning, the console's word on the image, the exception, the image
    printed = opened.pdf()
    assert len(printed.pages) == 2
    assert "霍尔果斯" in printed.pages[0].extract_text()


def test_without_a_browser_tests_skip_and_in_ci_they_fail(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    pytester.makepyfile("pytest_plugins = ['tests.browser']\ndef test_page(open_page): pass")
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.delenv("CI", raising=False)
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(skipped=1)
    monkeypatch.setenv("CI", "true")
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(errors=1)
