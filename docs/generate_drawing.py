"""Write docs/figures/iteration.svg, the drawing of one iteration in docs/design.md."""

from __future__ import annotations

from html import escape
from pathlib import Path

WIDTH, LEFT, RIGHT = 520, 70, 490
STEP, BOX = 128, 76  # from box to box, and height of a box, in pixels
INK, CPP, PYTHON = "#1A1A1A", "#D6EAF5", "#F3E3D3"

HEAD = (
    '<defs><marker id="head" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="8" '
    f'markerHeight="8" orient="auto"><path d="M 0 0 L 10 5 L 0 10 z" fill="{INK}"/></marker></defs>'
)

# Title, what happens, colour, and what goes to the next box.
STEPS = (
    ("1  collect", "the policy acts in N environments", CPP,
     "rollout (T, N): observations, actions, rewards"),
    ("2  estimate", "values of the baseline; advantages, targets", CPP,
     "batch of n valid samples: features, A, targets"),
    ("3  update", "gradient, direction, step; KL after it", CPP,
     "new θ and its status, or θ as it was"),
    ("4  fit the baseline", "to the targets of this batch", CPP,
     "new baseline, used from the next iteration on"),
    ("5  record", "history, callbacks, logs, checkpoints", PYTHON, ""),
)  # fmt: skip


def text(x: float, y: float, words: str, *, size: int = 16, bold: bool = False) -> str:
    """A line of text that starts at x."""
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}" font-size="{size}"{weight}>{escape(words)}</text>'


def upwards(x: float, y: float, words: str) -> str:
    """A line of text that runs from y to the top."""
    return f'<g transform="translate({x} {y}) rotate(-90)">{text(0, 0, words, size=15)}</g>'


def arrow(path: str) -> str:
    """A line with a head at its end."""
    return (
        f'<path d="{path}" fill="none" stroke="{INK}" stroke-width="1.5" marker-end="url(#head)"/>'
    )


def box(top: float, title: str, what: str, colour: str) -> list[str]:
    """A part of the iteration."""
    rectangle = (
        f'<rect x="{LEFT}" y="{top}" width="{RIGHT - LEFT}" height="{BOX}" rx="6" '
        f'fill="{colour}" stroke="{INK}"/>'
    )
    return [
        rectangle,
        text(LEFT + 16, top + 31, title, size=18, bold=True),
        text(LEFT + 16, top + 58, what),
    ]


def key(top: float) -> list[str]:
    """What the colours mean."""
    parts = []
    for x, colour, words in ((LEFT, CPP, "computed in C++"), (LEFT + 190, PYTHON, "Python alone")):
        parts.append(
            f'<rect x="{x}" y="{top}" width="20" height="20" fill="{colour}" stroke="{INK}"/>'
        )
        parts.append(text(x + 30, top + 16, words))
    return parts


def drawing() -> str:
    """The drawing as SVG, on white, so that it is readable on dark pages too."""
    middle, parts = LEFT + 40, []
    for k, (title, what, colour, passed) in enumerate(STEPS):
        top = 56 + k * STEP
        parts += box(top, title, what, colour)
        if passed:
            parts.append(arrow(f"M {middle} {top + BOX} V {top + STEP - 4}"))
            parts.append(text(middle + 14, top + BOX + 32, passed, size=15))
    first, last = 56 + BOX / 2, 56 + (len(STEPS) - 1) * STEP + BOX / 2
    parts.append(arrow(f"M {LEFT} {last} H 28 V {first} H {LEFT - 4}"))
    parts.append(upwards(20, (first + last) / 2 + 76, "until total_timesteps"))
    height = 56 + len(STEPS) * STEP - 36
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" font-family="sans-serif" fill="{INK}" role="img">',
        "<title>One iteration of learn</title>",
        HEAD,
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        *key(16),
        *parts,
        "</svg>",
    ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    (Path(__file__).parent / "figures" / "iteration.svg").write_text(drawing(), encoding="utf-8")
    print("wrote figures/iteration.svg")
