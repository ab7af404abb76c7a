"""A policy over two numbers of the observation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastpg import arrays
from fastpg.arrays import Floats
from fastpg.plots.grids import Plane, action_names, make_plane, observation_names
from fastpg.plots.style import (
    COLOURS,
    INK,
    SMALL,
    dress,
    key_below,
    new_figure,
    number,
    separate_thousands,
)
from fastpg.policies.base import Policy
from fastpg.policies.gaussian import Gaussian
from fastpg.policies.softmax import Softmax

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PALEST = 0.25  # share of the colour where the greedy action is no likelier than the others
_SCALE = "cividis"  # even in lightness, and the same to the colour-blind
_MOST_RESOLUTION = 2000
_MOST_DOTS = 5000  # visited observations that are drawn
_MOST_NAMED = 4  # fixed numbers in the title


def policy_map(
    model: Any,
    x: int = 0,
    y: int = 1,
    *,
    ranges: Any = None,
    others: Any = None,
    visited: Any = None,
    action: int | None = None,
    component: int = 0,
    names: Sequence[str] | None = None,
    step_index: int = 0,
    resolution: int = 200,
) -> Figure:
    """Draw what a policy does over two numbers of the observation, the others fixed.

    For discrete actions: the most probable action by colour, paler where it is less probable; or,
    with `action`, the probability of this action. For a Box of actions: the mean action, clipped as
    the environment gets it.

    Args:
        model: an algorithm, or a policy, for flat Box observations.
        x: index of the number along the horizontal axis.
        y: index of the number along the vertical axis.
        ranges: two pairs (low, high) or None, one for each axis. None: the range of `visited`, else
            the bounds of the space, else three standard deviations of the policy's normalisation.
        others: the fixed numbers: values by index, or a whole observation (d,). The rest: medians
            of `visited`, else 0, or the bound nearest to it.
        visited: observations (n, d) that are drawn as dots, such as those of a rollout.
        action: draw the probability of this discrete action.
        component: which choice of a MultiDiscrete, or which number of a Box.
        names: names of all d numbers; None: those of the page of a native environment.
        step_index: step in the episode, for policies with time among their features.
        resolution: points along each axis, in [2, 2000].

    Returns:
        The figure.

    Raises:
        ImportError: matplotlib is missing.
        TypeError: no policy, or an argument of the wrong type.
        ValueError: other observations than a Box of at least two numbers, an index out of range, or
            ranges that are neither given nor known.
    """
    policy = getattr(model, "policy", model)
    if not isinstance(policy, Policy):
        raise TypeError(f"model: expected an algorithm or a policy, got {model!r}")
    if not isinstance(policy, Softmax | Gaussian):
        raise TypeError(
            "model: expected a policy with discrete actions or a Box, got one of the class "
            f"{type(policy).__name__}, which has no map"
        )
    size = policy.observation_size
    seen = None if visited is None else arrays.finite_floats("visited", visited, (None, size))
    space = getattr(model, "observation_space", None)
    plane = make_plane(policy, space, (x, y), ranges, others, seen)
    points = arrays.integer("resolution", resolution, 2, _MOST_RESOLUTION)
    at = arrays.integer("step_index", step_index, 0, 2**31 - 1)
    named = observation_names(model, size, names)
    dist = _distribution(policy, plane.observations(points), at)
    figure = new_figure(7.0, 5.6)
    picture = _Picture(figure.add_subplot(), plane, points)
    title = _draw(picture, policy, dist, model, action, component)
    _describe(picture.axes, title + _of_environment(model), plane, named)
    _draw_visited(picture.axes, seen, plane)
    key_below(figure)
    return figure


def _draw(
    picture: _Picture,
    policy: Policy,
    dist: Floats,
    model: Any,
    action: int | None,
    component: int,
) -> str:
    """Draw the actions; returns the title."""
    if isinstance(policy, Softmax):
        return _draw_choice(picture, policy, dist, model, action, component)
    assert isinstance(policy, Gaussian)  # other policies are refused
    if action is None:
        return _draw_mean(picture, policy, dist, component)
    raise ValueError("action: expected with discrete actions only")


def _describe(axes: Axes, title: str, plane: Plane, names: list[str]) -> None:
    """Title and axes, and the values of the fixed numbers under the horizontal one."""
    under = names[plane.axes[0]] + _fixed_text(plane, names)
    dress(axes, title, under, names[plane.axes[1]])
    axes.grid(visible=False)
    for axis in (axes.xaxis, axes.yaxis):
        separate_thousands(axis)


def _of_environment(model: Any) -> str:
    env_id = getattr(model, "env_id", None)
    return "" if env_id is None else f" ({env_id})"


def _distribution(policy: Policy, observations: Floats, step_index: int) -> Floats:
    steps = np.full(len(observations), step_index, dtype=np.int64)
    batch = observations.astype(np.float32)  # as an environment gives them
    return policy.distribution(policy.features(batch, steps))


class _Picture:
    """Draws numbers or colours of the grid's points."""

    def __init__(self, axes: Axes, plane: Plane, resolution: int) -> None:
        self.axes, self._resolution = axes, resolution
        (left, right), (low, high) = plane.ranges
        # Points lie in the middle of their pixels.
        half_x, half_y = (
            (right - left) / (resolution - 1) / 2,
            (high - low) / (resolution - 1) / 2,
        )
        self._extent = (left - half_x, right + half_x, low - half_y, high + half_y)

    def draw(self, values: Floats, **options: Any) -> Any:
        """An image of values (points,) or colours (points, 3)."""
        shape = (self._resolution, self._resolution, *values.shape[1:])
        return self.axes.imshow(
            values.reshape(shape),
            origin="lower",
            extent=self._extent,
            aspect="auto",
            interpolation="nearest",
            **options,
        )

    def bar(self, image: Any, label: str) -> None:
        """A bar with the scale of an image's colours."""
        figure = self.axes.figure
        bar = figure.colorbar(image, ax=self.axes)
        bar.set_label(label, fontsize=SMALL + 1, color=INK)
        bar.ax.tick_params(labelsize=SMALL, labelcolor=INK)
        separate_thousands(bar.ax.yaxis)


def _draw_choice(
    picture: _Picture,
    policy: Softmax,
    dist: Floats,
    model: Any,
    action: int | None,
    component: int,
) -> str:
    """Colours of the most probable action, or the probability of one; returns the title."""
    choice = arrays.integer("component", component, 0, len(policy.choices) - 1)
    first, count = sum(policy.choices[:choice]), policy.choices[choice]
    probabilities = np.exp(dist[:, first : first + count])
    which = "" if len(policy.choices) == 1 else f" of choice {choice}"
    named = action_names(model, count)
    if action is not None:
        chosen = arrays.integer("action", action, 0, count - 1)
        image = picture.draw(probabilities[:, chosen], cmap=_SCALE, vmin=0.0, vmax=1.0)
        picture.bar(image, "probability")
        return f"Probability of action {named[chosen].removeprefix('action ')}{which}"
    picture.draw(_colours(probabilities))
    _name_colours(picture.axes, np.unique(probabilities.argmax(axis=1)), named)
    return f"Most probable action{which}"


def _colours(probabilities: Floats) -> Floats:
    """Red, green and blue (n, 3) of the most probable actions, paler where they are uncertain."""
    best, count = probabilities.argmax(axis=1), probabilities.shape[1]
    sure = (probabilities.max(axis=1) - 1.0 / count) / (1.0 - 1.0 / count) if count > 1 else 1.0
    weight = np.broadcast_to(_PALEST + (1.0 - _PALEST) * np.asarray(sure), best.shape)
    full = np.array([_rgb(k) for k in range(count)])[best]
    mixed: Floats = np.clip(1.0 - weight[:, None] * (1.0 - full), 0.0, 1.0)
    return mixed


def _rgb(k: int) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return to_rgb(COLOURS[k % len(COLOURS)])


def _name_colours(axes: Axes, actions: Any, names: list[str]) -> None:
    """Entries of the legend for the actions that occur."""
    for k in actions.tolist():
        axes.plot([], [], "s", color=COLOURS[k % len(COLOURS)], markersize=8, label=names[k])


def _draw_mean(picture: _Picture, policy: Gaussian, dist: Floats, component: int) -> str:
    k = arrays.integer("component", component, 0, policy.action_size - 1)
    means = policy.for_environment(policy.mode(dist))[:, k]
    picture.bar(picture.draw(means, cmap=_SCALE), "mean action, clipped to its bounds")
    return "Mean action" if policy.action_size == 1 else f"Mean of action[{k}]"


def _draw_visited(axes: Axes, visited: Floats | None, plane: Plane) -> None:
    """Dots within the picture."""
    if visited is None:
        return
    dots = visited[:: -(-len(visited) // _MOST_DOTS)]
    axes.plot(
        dots[:, plane.axes[0]],
        dots[:, plane.axes[1]],
        "o",
        color="white",
        markeredgecolor=INK,
        markeredgewidth=0.5,
        markersize=3.0,
        alpha=0.75,
        label="visited by the policy",
        scalex=False,
        scaley=False,
    )


def _fixed_text(plane: Plane, names: list[str]) -> str:
    """Lines with the fixed numbers; "" if there are none."""
    others = [k for k in range(len(names)) if k not in plane.axes]
    texts = [f"{names[k]} = {number(float(f'{plane.fixed[k]:.3g}'))}" for k in others]
    if not texts:
        return ""
    rest = "" if len(texts) <= _MOST_NAMED else f" and {len(texts) - _MOST_NAMED} more"
    pairs = ["; ".join(texts[k : k + 2]) for k in range(0, min(len(texts), _MOST_NAMED), 2)]
    return "\nfixed: " + ";\n".join(pairs) + rest
