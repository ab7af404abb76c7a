"""The picture of a policy over two numbers of the observation."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from matplotlib.colors import to_rgb

import fastpg
from fastpg.envs import NATIVE
from fastpg.plots import policy_map
from fastpg.plots.style import COLOURS
from fastpg.policies.base import Policy

POINTS = 11

OWN = [spec for spec in NATIVE.values() if not spec.environment.from_user]


@pytest.fixture
def softmax(rng):
    return fastpg.LinearSoftmax(4, 3, rng.normal(size=(5, 3)))


def image_of(figure):
    (image,) = figure.axes[0].get_images()
    return image


def grid(ranges, points=POINTS):
    """The observations of two axes, the first varying fastest, as float32."""
    x, y = (np.linspace(*limits, points) for limits in ranges)
    return [(a, b) for b in y for a in x]


RANGES = ((-1.0, 2.0), (0.0, 3.0))


def test_the_probability_of_an_action(softmax):
    figure = policy_map(
        softmax, 2, 0, ranges=RANGES, others={1: 0.5, 3: -0.25}, action=1, resolution=POINTS
    )
    image = image_of(figure)
    observations = np.array([[b, 0.5, a, -0.25] for a, b in grid(RANGES)], dtype=np.float32)
    expected = np.exp(softmax.log_probs(softmax.features(observations)))[:, 1]
    assert np.array_equal(image.get_array().reshape(-1), expected)
    assert image.get_clim() == (0.0, 1.0)
    left, right, low, high = image.get_extent()  # points are the middles of their pixels
    assert (left, right) == pytest.approx((-1.15, 2.15))
    assert (low, high) == pytest.approx((-0.15, 3.15))
    axes, bar = figure.axes
    assert axes.get_title(loc="left") == "Probability of action 1"
    assert bar.get_ylabel() == "probability"
    assert axes.get_xlabel() == (
        "observation[2]\nfixed: observation[1] = 0.5; observation[3] = \u22120.25"
    )
    assert axes.get_ylabel() == "observation[0]"


def test_the_most_probable_action_by_colour(softmax):
    figure = policy_map(softmax, ranges=RANGES, resolution=POINTS)
    colours = np.asarray(image_of(figure).get_array()).reshape(-1, 3)
    observations = np.array([[a, b, 0.0, 0.0] for a, b in grid(RANGES)], dtype=np.float32)
    pi = np.exp(softmax.log_probs(softmax.features(observations)))
    greedy = pi.argmax(axis=1)
    assert np.array_equal(greedy, [softmax.mode(np.log(pi[i : i + 1]))[0] for i in range(len(pi))])
    for colour, best, p in zip(colours, greedy, pi.max(axis=1), strict=True):
        weight = 0.25 + 0.75 * (p - 1 / 3) / (2 / 3)
        expected = 1.0 - weight * (1.0 - np.array(to_rgb(COLOURS[best])))
        assert colour == pytest.approx(expected)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == [f"action {k}" for k in np.unique(greedy)]


@pytest.mark.parametrize("single", [True, False])
def test_the_mean_action_as_the_environment_gets_it(rng, single):
    size = 1 if single else 2
    theta = np.concatenate([rng.normal(size=3 * size), np.zeros(size)])
    policy = fastpg.LinearGaussian(2, size, theta, low=[-0.5] * size, high=[0.5] * size)
    k = size - 1
    figure = policy_map(policy, 0, 1, ranges=RANGES, component=k, resolution=POINTS)
    observations = np.array(grid(RANGES), dtype=np.float32)
    means = policy.mode(policy.distribution(policy.features(observations)))[:, k]
    shown = image_of(figure).get_array().reshape(-1)
    assert np.array_equal(shown, np.clip(means, -0.5, 0.5))
    assert (shown == 0.5).any()
    title = figure.axes[0].get_title(loc="left")
    assert title == ("Mean action" if single else "Mean of action[1]")
    with pytest.raises(ValueError, match="action: expected with discrete actions only"):
        policy_map(policy, ranges=RANGES, action=0)


def test_one_choice_of_several(rng):
    policy = fastpg.LinearSoftmax(2, [2, 3], rng.normal(size=(3, 5)))
    figure = policy_map(policy, ranges=RANGES, component=1, action=2, resolution=POINTS)
    observations = np.array(grid(RANGES), dtype=np.float32)
    expected = np.exp(policy.log_probs(policy.features(observations)))[:, 4]
    assert np.array_equal(image_of(figure).get_array().reshape(-1), expected)
    assert figure.axes[0].get_title(loc="left") == "Probability of action 2 of choice 1"


def test_normalisation_time_and_perceptrons():
    """The numbers are those of `predict`, whatever the policy is made of."""
    kwargs = {"features": "fourier", "features_kwargs": {"n_features": 20, "time": True}}
    env = fastpg.make_vec("Pendulum-v1", 4)
    linear = fastpg.NPG(
        "linear", env, policy_kwargs=kwargs | {"normalize_observations": True}, seed=0
    ).learn(4000)
    mlp = fastpg.PPO("mlp", env, policy_kwargs={"net_arch": [8]}, seed=0).learn(4000)
    for algo in (linear, mlp):
        figure = policy_map(algo, 1, 2, others={0: 0.3}, step_index=7, resolution=POINTS)
        space = algo.observation_space
        ranges = [(space.low[k], space.high[k]) for k in (1, 2)]
        observations = np.array([[0.3, *pair] for pair in grid(ranges)], dtype=np.float32)
        actions, _ = algo.predict(
            observations, deterministic=True, step_index=[7] * len(observations)
        )
        shown = np.asarray(image_of(figure).get_array()).reshape(-1)
        assert shown == pytest.approx(actions[:, 0].astype(np.float64), rel=1e-6, abs=1e-6)


def test_names_of_native_environments():
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0)
    figure = policy_map(algo, 2, 3, ranges=(None, (-1.0, 1.0)), resolution=POINTS)
    axes = figure.axes[0]
    assert axes.get_xlabel().startswith(
        "pole angle, 0 upright (rad)\nfixed: cart position (m) = 0;"
    )
    assert axes.get_ylabel() == "pole angular velocity (rad/s)"
    assert axes.get_title(loc="left") == "Most probable action (CartPole-v1)"
    (name,) = [text.get_text() for text in figure.legends[0].get_texts()]
    assert name == "0: push to the left with force_mag newtons"
    own = policy_map(algo, 0, 1, ranges=RANGES, names="abcd", resolution=POINTS)
    assert own.axes[0].get_ylabel() == "b"
    with pytest.raises(ValueError, match="names: expected 4, one for each number, got 1"):
        policy_map(algo, ranges=RANGES, names=["x"])


@pytest.mark.parametrize("spec", OWN, ids=lambda spec: spec.id)
def test_every_page_names_all_numbers_and_actions(spec):
    env = fastpg.make_vec(spec.id)
    names = spec.environment.observation_names()
    assert len(names) == len(set(names)) == env.single_observation_space.shape[0]
    action = env.single_action_space
    expected = int(action.n) if isinstance(action, spaces.Discrete) else 0
    assert len(spec.environment.action_names()) == expected


def test_visited_observations_give_ranges_medians_and_dots(softmax, rng):
    visited = rng.normal(size=(101, 4))
    figure = policy_map(softmax, 1, 3, visited=visited, resolution=POINTS)
    axes = figure.axes[0]
    dots = next(line for line in axes.get_lines() if line.get_label() == "visited by the policy")
    assert np.array_equal(dots.get_xydata(), visited[:, [1, 3]])
    low, high = visited.min(axis=0), visited.max(axis=0)
    room = 0.05 * (high - low)
    inside = 1 - 1 / POINTS  # between the middles of the outermost pixels
    x = axes.get_xlim()
    assert (x[1] - x[0]) * inside == pytest.approx((high - low + 2 * room)[1])
    observations = np.median(visited, axis=0).astype(np.float32)
    assert f"observation[0] = {float(f'{observations[0]:.3g}'):,.10g}".replace("-", "\u2212") in (
        axes.get_xlabel()
    )


class Wide(gymnasium.Env):
    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float64)
    action_space = spaces.Discrete(2)


class Small(Wide):
    observation_space = spaces.Box(-1.0, 1.0, (1,), np.float64)


class Grid(Wide):
    observation_space = spaces.Discrete(9)


def test_ranges_without_bounds():
    algo = fastpg.NPG("linear", Wide(), policy_kwargs={"normalize_observations": True}, seed=0)
    with pytest.raises(ValueError, match=r"ranges: expected a pair for observation\[0\], which"):
        policy_map(algo)
    algo.policy.observe(np.array([[1.0, 4.0], [3.0, 8.0]]))
    axes = policy_map(algo, resolution=101).axes[0]
    x, y = axes.get_xlim(), axes.get_ylim()
    assert (sum(x) / 2, sum(y) / 2) == pytest.approx((2.0, 6.0))
    assert (y[1] - y[0]) == pytest.approx(2 * (x[1] - x[0]))


@pytest.mark.parametrize(
    ("env", "message"),
    [(Small, "expected observations of at least 2 numbers"), (Grid, "expected a Box of obs")],
)
def test_observations_without_two_axes(env, message):
    with pytest.raises(ValueError, match=message):
        policy_map(fastpg.NPG("linear", env(), seed=0))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"x": 4}, ValueError, r"x: expected an integer in \[0, 3\], got 4"),
        ({"y": -1}, ValueError, "y: expected"),
        ({"x": 1}, ValueError, "x, y: expected two different numbers"),
        ({"x": "0"}, TypeError, "x"),
        ({"ranges": ((0, 0), (0, 1))}, ValueError, "ranges: expected low < high"),
        ({"ranges": ((0, 1),)}, ValueError, "ranges: expected two pairs"),
        ({"ranges": 3}, ValueError, "ranges: expected two pairs"),
        ({"others": [0.0]}, ValueError, "others"),
        ({"others": {9: 0.0}}, ValueError, "others"),
        ({"others": {0: np.nan}}, ValueError, "others"),
        ({"visited": np.zeros((3, 2))}, ValueError, "visited"),
        ({"action": 3}, ValueError, "action"),
        ({"component": 1}, ValueError, "component"),
        ({"resolution": 1}, ValueError, "resolution"),
        ({"step_index": -1}, ValueError, "step_index"),
    ],
)
def test_wrong_arguments(softmax, arguments, error, message):
    with pytest.raises(error, match=message):
        policy_map(softmax, **({"ranges": RANGES} | arguments))


def test_no_policy():
    with pytest.raises(TypeError, match="model: expected an algorithm or a policy, got 3"):
        policy_map(3)


class Other(Policy):
    """A policy of another distribution."""

    observation_size = 4

    def __init__(self):
        pass


def test_another_distribution_has_no_map():
    with pytest.raises(
        TypeError, match=r"discrete actions or a Box, got one of the class Other, which has no map"
    ):
        policy_map(Other(), ranges=RANGES)
