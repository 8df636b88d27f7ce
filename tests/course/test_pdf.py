"""Lessons as PDF, by a browser; without one a sentence."""

import shutil

import pytest

from adaptlab.course.site.pdf import BROWSERS, print_lessons
from adaptlab.errors import AdaptLabError


@pytest.fixture
def site(tmp_path):
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "00_test.html").write_text("<title>Test</title><h1>Test</h1>")
    return tmp_path


def test_without_a_browser_it_says_what_to_install(site, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(AdaptLabError, match="No Chromium or Chrome is found. Install one"):
        print_lessons(site)
    assert not (site / "pdf").exists()


def test_a_browser_that_fails_is_named(site, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: "/bin/false")
    with pytest.raises(AdaptLabError, match="/bin/false could not print .*00_test.html"):
        print_lessons(site)


@pytest.mark.slow
def test_each_lesson_becomes_a_pdf(site):
    if not any(map(shutil.which, BROWSERS)):
        pytest.skip("no Chromium or Chrome is installed")
    assert (print_lessons(site) / "00_test.pdf").read_bytes().startswith(b"%PDF")
