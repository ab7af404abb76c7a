"""Indices and exponents of formulas in plain text: `π_θ(a_h|s_h)`, `E_{x ~ P}`, `e^{−m²}`."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

# One letter with accents and primes, a name of one, or a bracket carries a short index or exponent,
# or any in braces. Other names, such as target_kl, are no formulas.
_ACCENTS = "\u0300-\u036f"
_RAISED = "⁰¹²³⁴⁻ᵀ"  # exponents that are letters of their own
_SHORT = rf"(?:(?![{_RAISED}])[\w{_ACCENTS}])"
_NAMES = "(?:gamma|mean|phi|pi|sigma|sum|theta)"
SCRIPT = re.compile(
    rf"(?P<base>(?<!{_SHORT})(?:(?:{_NAMES}|[^\W\d_][{_ACCENTS}]*)[′']*|\d)|[)\]])"
    rf"(?P<scripts>(?:[_^](?:\{{[^{{}}]+\}}|[−-]?{_SHORT}{{1,3}}(?!{_SHORT})))+)"
)
ONE = re.compile(r"([_^])(?:\{([^{}]+)\}|([^_^{}]+))")


def typeset(text: str) -> list[nodes.Node]:
    """A text as nodes, with indices and exponents where it has them."""
    found: list[nodes.Node] = []
    end = 0
    for match in SCRIPT.finditer(text):
        if "_" in match["scripts"] and match["base"].isdigit():
            continue
        found.append(nodes.Text(text[end : match.end("base")]))
        for kind, braced, plain in ONE.findall(match["scripts"]):
            script = nodes.subscript if kind == "_" else nodes.superscript
            found.append(script("", "", *typeset((braced or plain).replace("-", "−"))))
        end = match.end()
    return [*found, nodes.Text(text[end:])]


class Scripts(SphinxTransform):
    """Typeset the formulas of all texts but code."""

    default_priority = 900

    def apply(self, **kwargs: Any) -> None:
        """Replace texts that have an index or exponent."""
        for text in list(self.document.findall(nodes.Text)):
            if not isinstance(text.parent, nodes.literal | nodes.literal_block | nodes.raw):
                made = typeset(text.astext())
                if len(made) > 1:
                    text.parent.replace(text, made)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the transform."""
    app.add_transform(Scripts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
