"""Playing episodes with pictures, and the GIFs of them."""

import io
import os
import signal
import sys

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from PIL import Image

import fastpg
from fastpg.playing import Gif, NoPictureError, make_drawn, play
from fastpg.playing.drawn_env import draw_without_display, frames_per_second
from fastpg.rollouts.env_recipe import EnvRecipe
from processes import python

SIZE = (4, 6, 3)


class Walk(gymnasium.Env):
    """Steps to the right along the pixels of a picture; action 0 is masked except at the start."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012
    observation_space = spaces.Box(0.0, 10.0, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, render_mode=None, length=5):
        self.render_mode, self.length = render_mode, length
        self.steps = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        self.start = int(self.np_random.integers(200))
        return self._seen(), {"action_mask": np.array([1, 1], dtype=np.int8)}

    def step(self, action):
        self.steps += 1
        assert action == 1 or self.steps == 1, "a masked action"
        end = self.steps >= self.length
        return self._seen(), float(action), end, False, {"action_mask": np.array([0, 1], np.int8)}

    def _seen(self):
        return np.array([self.steps], dtype=np.float32)

    def render(self):
        frame = np.full(SIZE, self.start, dtype=np.uint8)
        frame[0, self.steps % SIZE[1]] = (255, self.steps, 0)
        return frame


@pytest.fixture
def walker():
    return fastpg.NPG("linear", Walk(), seed=0)


def test_every_step_is_seen(walker):
    seen = []
    env = Walk("rgb_array")
    returns, lengths = play(walker, env, 2, lambda frame, last: seen.append((frame, last)), seed=3)
    assert lengths.tolist() == [5, 5]
    assert [last for _, last in seen] == [False] * 5 + [True] + [False] * 5 + [True]
    first, second = seen[0][0][3, 3, 0], seen[6][0][3, 3, 0]
    assert [frame[0].max(axis=0)[1] for frame, _ in seen[1:6]] == [
        max(k, first) for k in (1, 2, 3, 4, 5)
    ]
    assert first != second  # another start: no picture of a third episode follows
    assert len(returns) == 2


@pytest.mark.parametrize("deterministic", [True, False])
@pytest.mark.parametrize(
    ("env_id", "kwargs"),
    [
        ("CartPole-v1", {"normalize_observations": True}),
        ("Pendulum-v1", {"log_std_init": 1.0}),
        ("FrozenLake-v1", {}),
    ],
)
def test_the_episodes_are_those_of_an_evaluation(env_id, kwargs, deterministic):
    """Normalised observations, clipped actions and integers as observations."""
    algo = fastpg.NPG("linear", env_id, policy_kwargs=kwargs, seed=0).learn(4000)
    seen = []
    env = make_drawn(EnvRecipe(id=env_id, max_episode_steps=30))
    played = play(
        algo, env, 3, lambda *given: seen.append(given), deterministic=deterministic, seed=7
    )
    same = gymnasium.make(env_id, max_episode_steps=30)
    expected = fastpg.evaluate_policy(
        algo, same, 3, deterministic, return_episode_rewards=True, seed=7
    )
    assert np.array_equal(played[0], expected[0])
    assert np.array_equal(played[1], expected[1])
    assert len(seen) == expected[1].sum() + 3
    assert (
        np.flatnonzero([last for _, last in seen]).tolist()
        == ((expected[1] + 1).cumsum() - 1).tolist()
    )
    assert {frame.shape for frame, _ in seen} == {env.render().shape}
    env.close()


def test_parameters_of_native_environments_are_kept():
    env = fastpg.make_vec("MountainCar-v0", 2, goal_position=-0.45, max_episode_steps=40)
    algo = fastpg.NPG("linear", env, seed=0).learn(1000)
    drawn = make_drawn(algo.env_recipe)
    played = play(algo, drawn, 4, deterministic=False, seed=1)
    assert drawn.unwrapped.goal_position == -0.45
    expected = fastpg.evaluate_policy(
        algo, algo.env_recipe.make(1), 4, False, return_episode_rewards=True, seed=1
    )
    assert np.array_equal(played[1], expected[1])
    assert played[1].min() < 40
    assert drawn.render().ndim == 3
    drawn.close()


class Window(Walk):
    """Fails in its second step, as a renderer or as a user's code would."""

    metadata = {"render_modes": ["human"]}  # noqa: RUF012
    error = None

    def step(self, action):
        if self.steps == 1:
            raise self.error
        return super().step(action)


def test_errors_of_a_window_and_of_the_environment(walker):
    import pygame

    env = Window("human")
    env.error = pygame.error("the window was closed")
    with pytest.raises(NoPictureError, match=r"Window cannot be drawn \(error: the window was cl"):
        play(walker, env)
    env.error = KeyError("mine")
    with pytest.raises(KeyError, match="mine"):
        play(walker, env)


def test_a_limit_of_steps(walker):
    endless = Walk(length=10**9)
    assert play(walker, endless, 2, max_steps=3)[1].tolist() == [3, 3]
    assert play(walker, endless)[1].tolist() == [1000]
    limited = gymnasium.wrappers.TimeLimit(Walk(length=10**9), 7)
    assert play(walker, limited)[1].tolist() == [7]


def test_another_environment_is_refused(walker):
    with pytest.raises(ValueError, match="observation space"):
        play(walker, gymnasium.make("CartPole-v1"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"n_episodes": 0}, "n_episodes"), ({"max_steps": 0}, "max_steps"), ({"seed": -1}, "seed")],
)
def test_wrong_arguments(walker, arguments, message):
    with pytest.raises(ValueError, match=message):
        play(walker, Walk("rgb_array"), **arguments)


class Blind(Walk):
    metadata = {"render_modes": ["ansi"]}  # noqa: RUF012

    def render(self):
        return "a text"


class Broken(Walk):
    def render(self):
        raise KeyError("no graphics card")


@pytest.fixture
def registered():
    for kind in (Walk, Blind, Broken):
        gymnasium.register(f"{kind.__name__}-v0", kind)
    yield
    for kind in (Walk, Blind, Broken):
        del gymnasium.registry[f"{kind.__name__}-v0"]


@pytest.mark.usefixtures("registered")
def test_environments_without_pictures(walker):
    with pytest.raises(ValueError, match="Blind-v0: expected an environment with the render mode"):
        make_drawn(EnvRecipe.of_id("Blind-v0"))
    with pytest.raises(NoPictureError, match=r"expected uint8 pictures .*got 'a text'"):
        play(walker, Blind("rgb_array"), see=print)
    broken = make_drawn(EnvRecipe.of_id("Broken-v0"))
    with pytest.raises(NoPictureError, match=r"Broken-v0 cannot be drawn \(KeyError: 'no graph"):
        play(walker, broken, see=print)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is a display")
@pytest.mark.usefixtures("registered")
def test_a_window_needs_a_display(monkeypatch, walker):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(NoPictureError, match="a window needs a display, and there is none"):
        make_drawn(EnvRecipe.of_id("CartPole-v1"), "human")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    for name in ("Hopper-v5", "InvertedPendulum-v5"):  # GLFW would abort
        with pytest.raises(NoPictureError, match="a window needs a display"):
            make_drawn(EnvRecipe.of_id(name), "human")
    env = make_drawn(EnvRecipe.of_id("CartPole-v1"), "human")
    assert env.render_mode == "human"
    env.close()


def test_a_window_shows_native_environments_too(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    algo = fastpg.NPG("linear", fastpg.make_vec("CartPole-v1", 2, gravity=3.0), seed=0)
    env = make_drawn(algo.env_recipe, "human")
    env.metadata = {**env.metadata, "render_fps": 1000}
    assert play(algo, env, max_steps=3, see=print)[1].tolist() == [3]
    env.close()


# Draws by one of both ways, and ends itself.
KILLED = """
import os, signal, sys
import fastpg
from fastpg.playing import make_drawn
from fastpg.rollouts.env_recipe import EnvRecipe
if sys.argv[1] == "vector":
    env = fastpg.make_vec("CartPole-v1", 2, render_mode="rgb_array")
else:
    env = make_drawn(EnvRecipe.of_id(sys.argv[1]))
env.reset(seed=0)
env.render()
os.kill(os.getpid(), signal.SIGTERM)
print("goes on")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("way", ["vector", "CartPole-v1", "FrozenLake-v1"])
def test_what_has_drawn_ends_at_sigterm(way):
    done = python(KILLED, way, SDL_VIDEODRIVER="dummy")
    assert (done.returncode, done.stdout.count("goes on")) == (-signal.SIGTERM, 0), done.stderr


def test_rates():
    assert frames_per_second(Walk()) == 20.0
    walk = Walk()
    for given in (None, 0, -3, "fast", float("nan"), True):
        walk.metadata = {"render_fps": given}
        assert frames_per_second(walk) == 30.0


def test_drawing_without_a_display_keeps_what_the_user_has_set(monkeypatch):
    for name in ("SDL_VIDEODRIVER", "SDL_AUDIODRIVER", "PYGAME_HIDE_SUPPORT_PROMPT", "DISPLAY"):
        monkeypatch.setenv(name, "mine")
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    draw_without_display()
    assert [os.environ[n] for n in ("SDL_VIDEODRIVER", "SDL_AUDIODRIVER")] == ["mine", "mine"]
    assert "MUJOCO_GL" not in os.environ  # there is a display


def moving(count, seed=0, colours=10):
    """Pictures that all differ."""
    rng = np.random.default_rng(seed)
    palette = rng.integers(0, 256, (colours, 3), dtype=np.uint8)
    frames = palette[rng.integers(0, colours, (count, 20, 30))]
    frames[np.arange(count), 0, np.arange(count) % 30] = (1, 2, 3)
    return list(frames)


def gif_of(frames, fps, ends=()):
    gif = Gif(fps)
    for k, frame in enumerate(frames):
        gif.add(frame, k in ends or k == len(frames) - 1)
    return gif, Image.open(io.BytesIO(gif.content()))


def durations(image):
    found = []
    for k in range(image.n_frames):
        image.seek(k)
        found.append(image.info["duration"])
    return found


def pictures(image):
    for k in range(image.n_frames):
        image.seek(k)
        yield np.asarray(image.convert("RGB"))


def test_a_gif_holds_every_picture_exactly():
    frames = moving(7)
    gif, image = gif_of(frames, 25)
    assert image.n_frames == gif.frames == 7
    assert image.info["loop"] == 0  # for ever
    assert image.size == (30, 20)
    for found, given in zip(pictures(image), frames, strict=True):
        assert np.array_equal(found, given)


def test_more_than_256_colours_are_approximated():
    x, y = np.indices((40, 40)).astype(np.uint8)
    frames = [np.stack([6 * x, 6 * y, np.full_like(x, k)], axis=2) for k in range(3)]
    _, image = gif_of(frames, 25)
    shown = list(pictures(image))
    assert len(shown) == 3
    for found, given in zip(shown, frames, strict=True):
        assert np.abs(found.astype(int) - given).mean() < 10.0


@pytest.mark.parametrize("fps", [4, 15, 24, 30, 50])
def test_the_rate_is_right_in_the_mean(fps):
    """30 per second are delays of 3, 3, 4 hundredths, not of 3."""
    frames = moving(3 * fps)
    gif, image = gif_of(frames, fps)
    shown = durations(image)
    assert len(shown) == len(frames)
    assert sum(shown[:-1]) == pytest.approx(1000 * (len(frames) - 1) / fps, abs=10)
    assert shown[-1] == 1000  # a pause before the next loop
    assert min(shown) >= 20
    assert gif.seconds == pytest.approx(sum(shown) / 1000)


@pytest.mark.parametrize(("fps", "every"), [(60, 2), (100, 2), (125, 3), (1000, 20)])
def test_pictures_beyond_50_a_second_are_left_out(fps, every):
    frames = moving(241)
    _, image = gif_of(frames, fps)
    kept = [*frames[::every], *([frames[-1]] if (len(frames) - 1) % every else [])]
    shown = durations(image)
    assert len(shown) == len(kept)
    assert min(shown) >= 20
    assert sum(shown[:-1]) == pytest.approx(1000 * 240 / fps, abs=20)
    for found, given in zip(pictures(image), kept, strict=True):
        assert np.array_equal(found, given)


def test_equal_pictures_are_one_and_keep_their_time():
    frame, other = moving(2)
    _, image = gif_of([frame] * 5 + [other] * 3 + [frame], 10)
    assert durations(image) == [500, 300, 1000]


def test_a_pause_after_each_episode():
    gif, image = gif_of(moving(6), 10, ends=(2,))
    assert durations(image) == [100, 100, 1000, 100, 100, 1000]
    assert gif.seconds == 2.4


def test_one_picture():
    _, image = gif_of(moving(1), 10)
    assert image.n_frames == 1
    assert image.info["duration"] == 1000


def test_pictures_that_do_not_fit():
    with pytest.raises(ValueError, match="expected at least one picture, got none"):
        Gif(10).content()
    for fps in (0.0, -1.0, 1e9, float("nan")):
        with pytest.raises(ValueError, match="fps"):
            Gif(fps)
    gif = Gif(10)
    for bad in (np.zeros((3, 3), np.uint8), np.zeros((3, 3, 3)), np.zeros((0, 3, 3), np.uint8)):
        with pytest.raises(ValueError, match="frame: expected"):
            gif.add(bad)
    gif.add(np.zeros((3, 3, 3), np.uint8))
    with pytest.raises(ValueError, match=r"expected uint8 pictures \(3, 3, 3\), got uint8 \(3, 4"):
        gif.add(np.zeros((3, 4, 3), np.uint8))


def test_a_frame_that_the_environment_draws_again_into(walker):
    """Pictures are copied: some environments return the same array each time."""
    gif = Gif(10)
    frame = np.zeros(SIZE, dtype=np.uint8)
    for k in range(3):
        frame[:] = 50 * k
        gif.add(frame, k == 2)
    frame[:] = 255
    shown = [picture[0, 0, 0] for picture in pictures(Image.open(io.BytesIO(gif.content())))]
    assert shown == [0, 50, 100]


def test_without_pillow(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"GIFs need pillow: pip install '.\[render\]'"):
        Gif(10)
