"""Links of the pages lead to files and headings, as on GitHub, and the index lists all pages."""

import re
import unicodedata
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parent.parent
INDEX = ROOT / "docs" / "index.md"
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


@cache
def parsed(text):
    return MARKDOWN.parse(text)


def slug(heading):
    """The anchor of a heading on GitHub: letters, digits, marks, - and _; spaces become -."""
    kept = (c for c in heading.lower() if c in " -_" or unicodedata.category(c)[0] in "LNM")
    return "".join(kept).replace(" ", "-")


@cache
def anchors(page):
    tokens = parsed(page.read_text(encoding="utf-8"))
    found, taken = set(), {}
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            text = "".join(part.content for part in inline.children)
            number = taken[slug(text)] = taken.get(slug(text), -1) + 1
            found.add(slug(text) + (f"-{number}" if number else ""))
    return found


def links(page):
    """Targets of links and pictures."""
    for token in parsed(page.read_text(encoding="utf-8")):
        for part in token.children or []:
            if part.type in ("link_open", "image"):
                yield unquote(part.attrs.get("href", part.attrs.get("src")))


def missing(page):
    """Internal links that lead nowhere."""
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    assert not list(missing(page))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_nothing_is_struck_through(page):
    """GitHub strikes through what stands between two ~, as in E_{x~p} f(x) = E_{x~q}."""
    text = page.read_text(encoding="utf-8")
    for token in parsed(re.sub(r"(?<!~)~(?!~)", "~~", text)):
        assert all(part.type != "s_open" for part in token.children or []), token.content


def test_a_wrong_link_and_a_struck_text_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A `b(c)`\n\n[a](#a-bc) [b](#b) [c](gone.md) [d](https://x.org) E_{x~p̃} f E_{x~p}"
    )
    assert list(missing(page)) == ["#b", "gone.md"]
    with pytest.raises(AssertionError):
        test_nothing_is_struck_through(page)


def test_the_index_lists_every_page():
    listed = {(INDEX.parent / link.partition("#")[0]).resolve() for link in links(INDEX)}
    assert {*PAGES} - {INDEX} <= listed


def test_the_index_has_the_lecture_in_its_order():
    numbers = [link for link in links(INDEX) if link.startswith("lecture/")]
    assert numbers == [*(f"lecture/L{k}.md" for k in range(1, 13)), "lecture/Kakade.md"]
