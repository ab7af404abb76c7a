"""The tree of pages, headings with signatures, and the list of external links.

The tree is read from docs/index.md: a section is a group of the navigation, with the pages that it
links to, in that order, by the words of these links.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

INDEX = "docs/index"
EXTERNAL = "external-links.txt"
log = logging.getLogger(__name__)


class Navigation(SphinxTransform):
    """Put a hidden table of contents into each section of the index."""

    default_priority = 500

    def apply(self, **kwargs: Any) -> None:
        """Add the pages of every section below the title."""
        if self.env.docname != INDEX:
            return
        for section in self.document.findall(nodes.section):
            pages = _linked(section, self.env.found_docs)
            if isinstance(section.parent, nodes.section) and pages:
                section.append(_tree(section[0].astext(), pages))


def _linked(section: nodes.section, known: set[str]) -> list[tuple[str, str]]:
    """Texts and targets of the links to pages in a section, each page once, in order."""
    pages: dict[str, str] = {}
    for link in section.findall(addnodes.pending_xref):
        if link["reftarget"] in known:
            pages.setdefault(link["reftarget"], link.astext())
    return [(text, page) for page, text in pages.items()]


def _tree(caption: str, pages: list[tuple[str, str]]) -> nodes.Node:
    tree = addnodes.toctree(
        parent=INDEX,
        caption=caption,
        rawcaption=caption,
        entries=pages,
        includefiles=[page for _, page in pages],
        hidden=True,
        glob=False,
        maxdepth=-1,
        numbered=0,
        titlesonly=True,
        includehidden=True,
    )
    return nodes.compound("", tree, classes=["toctree-wrapper"])


class Signatures(SphinxTransform):
    """Headings with a signature get its name alone, and the signature below them.

    So they fit the contents and a phone, and the search finds `fastpg.gae` as a title; an entry of
    the index makes it find `gae`. Anchors stay those of the heading on GitHub.
    """

    default_priority = 510

    def apply(self, **kwargs: Any) -> None:
        """Change every section whose title is code."""
        for section in list(self.document.findall(nodes.section)):
            code = section[0][0]
            if isinstance(code, nodes.literal):
                signature = code.astext()
                name = signature.partition("(")[0]
                code.children = [nodes.Text(name)]
                section[1:1] = [*_entry(name, section["ids"][0]), *_below(name, signature)]


def _entry(name: str, anchor: str) -> list[nodes.Node]:
    package, _, last = name.rpartition(".")
    if not package.startswith("fastpg"):
        return []
    return [addnodes.index(entries=[("single", last, anchor, "main", None)])]


def _below(name: str, signature: str) -> list[nodes.Node]:
    if signature == name:
        return []
    return [nodes.literal_block(signature, signature, language="python", classes=["signature"])]


def list_external(app: Sphinx, exception: Exception | None) -> None:
    """Write the links that lead out of the site; nothing fetches them."""
    if exception is not None or app.builder.format != "html":
        return
    found = {
        (link["refuri"], page)
        for page in app.env.found_docs
        for link in app.env.get_doctree(page).findall(nodes.reference)
        if link.get("refuri", "").startswith(("http:", "https:"))
    }
    lines = [f"{uri}  {page}.md" for uri, page in sorted(found)]
    Path(app.outdir, EXTERNAL).write_text("\n".join([*lines, ""]), encoding="utf-8")
    log.info(f"{len(lines)} external links, in {EXTERNAL}:")
    for line in lines:
        log.info(f"  {line}")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the parts."""
    app.add_transform(Navigation)
    app.add_transform(Signatures)
    app.connect("build-finished", list_external)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
