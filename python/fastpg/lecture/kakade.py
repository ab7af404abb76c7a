"""The plateau of Kakade 2001: gradient and natural gradient flows in two states."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastpg import tabular
from fastpg.arrays import Floats
from fastpg.lecture.formulas import Formula, Kernel
from fastpg.lecture.problems import worst
from fastpg.lecture.system import Check, Result, System
from fastpg.tabular import MDP, LocalModel, OneLogit, TabularPolicy, TabularSoftmax, natural_step

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT = """There are two states i and j. Each has a self-loop, which pays 1 at i and 2 at j, and a move to
the other state, which pays nothing; the criterion is the average reward (Kakade 2001). The initial
probabilities of the self-loops are p = 0.8 and q = 0.1. The gradient at j is small, since j is
visited rarely. So the policy first learns to stay at i; then ρ(j) falls to a millionth, and the
gradient at j falls with it. The average reward stays near 1 for a million times longer than the
natural gradient needs, whose metric is weighted by the same ρ. A damping of 10⁻³ slows the natural
gradient only a little.

The figure shows the three flows dθ/dt = ∇J, F⁻¹∇J and (F + 10⁻³ I)⁻¹ ∇J with one logit per state
and F per step. With two logits per state the gradient is twice as fast, the natural gradient is
unchanged, and the damped one is in between."""

START = np.array([0.8, 0.1])
LEVEL = 1.9
DAMPING = 1e-3
END = 1e7  # a time that is long enough for every flow
AFTER = 1.5  # a flow is drawn up to this multiple of the time at which it reaches the level
POINTS = 241
FIRST = 1e-2  # time of the first point after the start
PLATEAU = 1e5  # a time in the middle of the gradient's plateau

Velocity = Callable[[LocalModel, TabularPolicy], Floats]


def gradient(local: LocalModel, policy: TabularPolicy) -> Floats:
    """∇J."""
    return local.surrogate_gradient(policy)


def natural(local: LocalModel, policy: TabularPolicy) -> Floats:
    """F⁻¹∇J."""
    return natural_step(local, policy, 0.0, "step")[0]


def damped(local: LocalModel, policy: TabularPolicy) -> Floats:
    """(F + damping)⁻¹∇J."""
    return natural_step(local, policy, DAMPING, "step")[0]


VELOCITIES: Mapping[str, Velocity] = {"PG": gradient, "NPG": natural, "damped NPG": damped}
TIMES = {"PG": 2.684e6, "NPG": 2.257, "damped NPG": 2.400}
TIMES_TWO_LOGITS = {"PG": TIMES["PG"] / 2.0, "NPG": TIMES["NPG"], "damped NPG": 2.326}


@dataclass(frozen=True)
class Flow:
    """A policy that changes continuously with a velocity."""

    start: TabularPolicy
    end: float  # time at which the average reward passes the level
    at: Callable[[Floats], Floats]  # theta, flat (theta.size, n), of times (n,)

    def policies(self, times: Floats) -> list[TabularPolicy]:
        """The policy at each of the times."""
        return [self.start.with_theta(theta) for theta in self.at(times).T]


def flow(mdp: MDP, start: TabularPolicy, velocity: Velocity) -> Flow:
    """Integrate the flow until the average reward passes the level, and a little further.

    Raises:
        ImportError: scipy is missing.
    """
    try:
        integrate = importlib.import_module("scipy.integrate")
    except ImportError as error:
        raise ImportError("Kakade needs scipy: pip install '.[plot]'") from error

    def rate(_: float, theta: Floats) -> Floats:
        policy = start.with_theta(theta)
        return velocity(LocalModel(mdp, policy), policy).ravel()

    def excess(_: float, theta: Floats) -> float:
        return mdp.evaluate(start.with_theta(theta)).J - LEVEL

    def solve(end: float, **arguments: Any) -> Any:
        # The gradient's flow is stiff; LSODA switches to implicit steps where they are needed.
        solved = integrate.solve_ivp(
            rate, (0.0, end), start.theta.ravel(), method="LSODA", dense_output=True, rtol=1e-9,
            atol=1e-11, **arguments,
        )  # fmt: skip
        if not solved.success:
            raise ArithmeticError(f"Kakade: the flow ended at t = {solved.t[-1]}")
        return solved

    excess.terminal = True  # type: ignore[attr-defined]
    passed = float(solve(END, events=excess).t_events[0][0])
    return Flow(start, passed, solve(AFTER * passed).sol)


def run() -> Result:
    """Check the start, the flows, and the times at which they pass 1.9."""
    mdp = tabular.kakade()
    logits = np.log(START / (1.0 - START))
    one = OneLogit(2, logits)
    two = TabularSoftmax(2, 2, np.stack([logits, np.zeros(2)], axis=1))
    p, q = START
    evaluation = mdp.evaluate(one)
    checks = [
        Check("average reward at the start", evaluation.J, 0.690909, 5e-7),
        Check("the same as (p + 2q − 3pq)/(2 − p − q)", evaluation.J,
              (p + 2 * q - 3 * p * q) / (2 - p - q)),
        Check("ρ(i) = (1 − q)/(2 − p − q)", evaluation.visits[0], (1 - q) / (2 - p - q)),
        worst("∇J at the start", tabular.gradient(mdp, one), [0.202314, 0.023802], 5e-7),
        worst("F at the start", tabular.fisher(mdp, one, "step"),
              np.diag([0.130909, 0.016364]), 5e-7),
    ]  # fmt: skip
    columns: dict[str, Any] = {}
    for name, velocity in VELOCITIES.items():
        moved = flow(mdp, one, velocity)
        passes = f"{name} passes {LEVEL} at t ="
        checks.append(Check(passes, moved.end, TIMES[name], 5e-4 * 10 ** (6 * (name == "PG"))))
        times = np.append(0.0, np.geomspace(FIRST, AFTER * moved.end, POINTS - 1))
        path = [mdp.evaluate(policy) for policy in moved.policies(times)]
        columns[f"{name}: t"] = times
        columns[f"{name}: average reward"] = [e.J for e in path]
        columns[f"{name}: rho(j)"] = [e.visits[1] for e in path]
        if name == "PG":
            checks += plateau_checks(mdp, moved, columns)
        wider = flow(mdp, two, velocity).end
        slack = 5e-4 * 10 ** (6 * (name == "PG"))
        checks.append(Check(f"two logits a state: {passes}", wider, TIMES_TWO_LOGITS[name], slack))
    return Result(tuple(checks), columns)


def plateau_checks(mdp: MDP, moved: Flow, columns: Mapping[str, Any]) -> list[Check]:
    """Checks of the plateau in the gradient's flow."""
    waiting = mdp.evaluate(moved.policies(np.array([PLATEAU]))[0]).J
    return [
        Check("PG: least ρ(j)", min(columns["PG: rho(j)"]), 1.3e-6, 5e-8),
        Check(f"PG: average reward at t = {PLATEAU:.0e}, within 10⁻³", waiting, 1.0, 1e-3),
    ]


def draw(columns: Mapping[str, Any], figure: Figure) -> None:
    """Average reward and visits to j over time."""
    rewards, visits = figure.subplots(1, 2)
    for name in VELOCITIES:
        label = f"{name}, +10⁻³ I" if name == "damped NPG" else name
        style = "--" if name == "damped NPG" else "-"
        times = np.array(columns[f"{name}: t"])[1:]
        for axes, quantity in ((rewards, "average reward"), (visits, "rho(j)")):
            axes.plot(times, np.array(columns[f"{name}: {quantity}"])[1:], style, label=label)
    rewards.axhline(LEVEL, color="0.6", lw=1, ls=":", label=f"{LEVEL}")
    rewards.set(xscale="log", xlabel="time t of the flow", ylabel="average reward a step")
    visits.set(xscale="log", yscale="log", xlabel="time t of the flow",
               ylabel="stationary probability ρ(j)")  # fmt: skip
    rewards.legend(fontsize=8, loc=(0.42, 0.4))
    visits.legend(fontsize=8)


SYSTEM = System(
    "Kakade",
    "The plateau of Kakade 2001",
    TEXT,
    (
        Formula("self-loops pay 1 at i and 2 at j", tabular.kakade, "average=True"),
        Kernel("ρ and J = Σ_s ρ(s) Σ_a π(a|s) r(s, a)", "cpp/src/tabular/dynamic_programming.cpp",
               "average_values", "const Matrix moves", "out.average ="),
        Formula("∇J = Σ_s ρ(s) Σ_a ∇π(a|s) A(s, a)", LocalModel.surrogate_gradient, "score_sum"),
        Formula("F = diag(ρ(s) π_1 π_2), one logit a state", OneLogit._fisher, "np.diag"),
        Formula("(F + damping)⁻¹∇J, one logit", OneLogit._natural_direction, "scale = "),
        Formula(
            "(F + damping)⁻¹∇J, two logits", TabularSoftmax._natural_direction, "out: Floats = "
        ),
        Formula("the same, with F and ∇J per step", natural_step),
    ),
    run,
    draw,
)  # fmt: skip
