"""Checks of a native environment before training."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastpg import _core, arrays
from fastpg.envs import EnvState, UserEnvironment, native_spec
from fastpg.native_envs.checking import Actions, Outcome, Probe, chosen, restarted
from fastpg.native_envs.decorator import NumbaEnv
from fastpg.native_envs.twin import Twin

_COPIES = 600  # more than a thread steps at a time


class EnvCheckError(ValueError):
    """What `check_native_env` has found.

    Attributes:
        findings: the findings.
    """

    def __init__(self, env_id: str, findings: list[Finding]) -> None:
        self.findings = findings
        lines = "\n".join(f"- {one}" for one in findings)
        super().__init__(f"{env_id}: {len(findings)} finding(s)\n{lines}")


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with an environment.

    Attributes:
        kind: a word for it, such as "observation".
        text: what was expected and what came.
    """

    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


class _Unusable(Exception):
    """A state from which no step can be taken."""


def check_native_env(
    env: UserEnvironment | str,
    n_steps: int = 200,
    *,
    n_envs: int = 4,
    seed: int = 0,
    **params: Any,
) -> None:
    """Check a native environment of your own, before training.

    Its environments take random steps, with allowed actions. Each kind of mistake is reported once:

    - `failure`: a function fails, or gives NaN; one in Numba also runs undecorated, which shows the
      exception;
    - `state`: a number of the state that is not finite;
    - `observation`: a number outside of the bounds of its space;
    - `draws`: a step draws, but `draws_in_steps` is 0;
    - `look`: `observe` or `mask` changes the state or draws;
    - `memory`: the same state, action and random stream, or the same seed, give something
      else a second time;
    - `neighbours`: they give something else in another order, in blocks of another size, or in
      several threads;
    - `options`: a reset with an option at one of its bounds fails, or leaves its space;
    - `reference`, for an environment of `numba_env`: the compiled functions differ from the
      undecorated ones, in one step from the same state, by more than rounding: 1e-9 of a number of
      the state or of a reward, 1e-5 of a float32, or in a flag or the random stream.

    What a wrong pointer does, or a read outside of an array, cannot be found in this way: it may
    end the process.

    Args:
        env: an environment of `numba_env`, `register_env`, `load_env` or `build_env`, or its id,
            "module:Name-v0" if a module must be imported first.
        n_steps: steps of each environment, in [1, 2^31).
        n_envs: number of environments, in [2, 512].
        seed: seed of the resets and of the actions, in [0, 2^64).
        **params: parameters of the environment, as in `make_vec`.

    Raises:
        EnvCheckError: something is wrong; the text has all findings, one in each line.
        TypeError, ValueError: an argument of the wrong type or out of range, or an unknown id.
    """
    steps = arrays.integer("n_steps", n_steps, 1, 2**31 - 1)
    count = arrays.integer("n_envs", n_envs, 2, 512)
    name = _native_id(env)
    check = _Check(name, count, arrays.seed(seed), params)
    check.run(steps)
    if check.found:
        raise EnvCheckError(name, list(check.found.values()))


def _native_id(env: UserEnvironment | str) -> str:
    if isinstance(env, UserEnvironment):
        return str(env.require_current().id)
    if not isinstance(env, str):
        raise TypeError(f"env: expected a native environment or its id, got {env!r}")
    module, _, name = env.rpartition(":")
    if module:
        importlib.import_module(module)
    return native_spec(name.removeprefix("fastpg/")).id


class _Check:
    """The checks of one environment.

    Args:
        env_id: its id.
        count: number of environments.
        seed: of the resets and of the actions.
        params: parameters by name.
    """

    def __init__(self, env_id: str, count: int, seed: int, params: dict[str, Any]) -> None:
        self.found: dict[str, Finding] = {}
        self._seed = seed
        self._probe = Probe(env_id, count, params)
        self._alone = Probe(env_id, 1, params)
        self._many = Probe(env_id, _COPIES, params, num_threads=2)
        env = self._probe.env
        self._actions = Actions(env.single_action_space, seed)
        environment = env.environment
        self._names = getattr(environment, "state_names", ())
        self._options = getattr(environment, "option_ranges", {})
        self._twin: Twin | None = None
        if isinstance(environment, NumbaEnv):
            self._twin = Twin(environment.definition, params)

    def tell(self, kind: str, text: str) -> None:
        """Keep a finding, if it is the first of its kind."""
        self.found.setdefault(kind, Finding(kind, text))

    def run(self, n_steps: int) -> None:
        """Look for findings, until the environment fails."""
        try:
            self._run(n_steps)
        except _core.NativeEnvError as error:
            self.tell("failure", str(error))
        except _Unusable:  # the finding is there
            return

    def _run(self, n_steps: int) -> None:
        now = self._reset({}, "reset")
        for k in range(n_steps):
            actions = self._actions.draw(len(now.rewards), now.masks)
            first = self._step(now.state, actions)
            if k % 8 == 0:
                self._look(first.state)
                self._neighbours(now.state, actions, first)
            self._probe.env.set_state(first.state)
            now = restarted(self._probe, first)
        self._bounds()

    def _reset(self, options: dict[str, float], where: str) -> Outcome:
        outcome = self._probe.reset(self._seed, **options)
        self._within(outcome, where)
        again = self._probe.reset(self._seed, **options)
        name = outcome.difference(again)
        if name is not None:
            self.tell("memory", f"{where}: with the same seed, {name} differs the second time")
        if self._twin is not None:
            for text in self._twin.reset_differences(self._seed, options, outcome):
                self.tell("reference", f"{where}: {text}")
        return again

    def _step(self, start: EnvState, actions: Any) -> Outcome:
        """A step, and what can be said about it alone."""
        try:
            first = self._probe.step(actions)
        except _core.NativeEnvError as error:
            self.tell("failure", str(error) + self._undecorated(start, actions, error.environment))
            raise
        self._within(first, "step")
        moved = first.state.streams.tobytes() != start.streams.tobytes()
        if moved and not self._probe.env.native.draws_in_steps:
            self.tell("draws", "a step draws from the random stream: set draws_in_steps to 1")
        name = first.difference(self._probe.step(actions, start))
        if name is not None:
            self.tell("memory", f"the same step, taken again, differs in {name}")
        if self._twin is not None:
            for text in self._twin.differences(start, actions, first):
                self.tell("reference", f"step: {text}")
        return first

    def _undecorated(self, start: EnvState, actions: Any, entry: int) -> str:
        if self._twin is None:
            return ""
        return f"; undecorated, {self._twin.failure(start, actions, entry)}"

    def _within(self, outcome: Outcome, where: str) -> None:
        states = outcome.state.states
        if not np.isfinite(states).all():
            k, i = np.argwhere(~np.isfinite(states))[0]
            name = f" ({self._names[k]})" if self._names else ""
            self.tell(
                "state",
                f"{where}: expected finite numbers, got {states[k, i]} as number {k}{name}",
            )
            raise _Unusable
        space = self._probe.env.single_observation_space
        rows = outcome.observations
        outside = (rows < space.low) | (rows > space.high)  # type: ignore[attr-defined]
        if outside.any():
            i, k = np.argwhere(outside)[0]
            low, high = space.low[k], space.high[k]  # type: ignore[attr-defined]
            self.tell(
                "observation",
                f"{where}: expected number {k} from {low:g} to {high:g}, got {rows[i, k]:g}",
            )

    def _look(self, state: EnvState) -> None:
        """Whether `observe` and `mask` leave state and stream alone."""
        native = self._probe.env.native
        self._probe.env.set_state(state)
        only = np.zeros(native.num_envs, dtype=np.bool_)
        only[0] = True
        native.reset(None, only, None)
        native.masks()
        others = np.arange(1, native.num_envs)
        after = chosen(self._probe.env.get_state(), others)
        before = chosen(state, others)
        for name in ("states", "streams"):
            if getattr(after, name).tobytes() != getattr(before, name).tobytes():
                self.tell("look", f"observe or mask changes the {name} of the environments")

    def _neighbours(self, start: EnvState, actions: Any, first: Outcome) -> None:
        """The same step elsewhere: in the reverse order, alone, and among many in two threads."""
        count = len(actions)
        order = np.arange(count)[::-1]
        among = np.arange(_COPIES) % count
        trials = {
            "in another order": (self._probe, order),
            "alone": (self._alone, np.array([count - 1])),
            f"among {_COPIES} in two threads": (self._many, among),
        }
        for text, (probe, entries) in trials.items():
            outcome = probe.step(actions[entries], chosen(start, entries))
            name = first.of(entries).difference(outcome)
            if name is not None:
                self.tell("neighbours", f"the same step {text} differs in {name}")

    def _bounds(self) -> None:
        """Resets with each option at its bounds."""
        for name, bounds in self._options.items():
            for value in filter(np.isfinite, bounds):
                before = set(self.found)
                try:
                    self._reset({name: value}, f"reset with {name} = {value:g}")
                except _core.NativeEnvError as error:
                    self.tell("options", f"a reset with {name} = {value:g} fails: {error}")
                except ValueError as error:
                    self.tell("options", f"a reset with {name} = {value:g} is refused: {error}")
                except _Unusable:
                    self.found.setdefault("options", self.found["state"])
                for kind in set(self.found) - before:
                    self.tell("options", self.found[kind].text)
