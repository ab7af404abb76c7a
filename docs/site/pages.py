"""The tree of pages, short names in it, and the list of external links.

The tree is read from docs/index.md: a section is a group of the navigation, with the pages that it
links to, in that order, by the words of these links.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
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


def shorten(app: Sphinx, env: BuildEnvironment) -> None:
    """Cut signatures off in the contents of a page: `fastpg.gae(rewards, …)` is `fastpg.gae`."""
    for contents in env.tocs.values():
        for name in contents.findall(nodes.literal):
            short = name.astext().partition("(")[0]
            name.children = [nodes.Text(short)]


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
    app.connect("env-updated", shorten)
    app.connect("build-finished", list_external)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
