"""The options that several algorithms have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fastpg.algorithms.option_fields import Options, inherited, option
from fastpg.algorithms.schedules import Schedule
from fastpg.functional.solvers import MOST_CG_STEPS, SOLVERS, require_damping
from fastpg.threads import MOST_THREADS
from fastpg.values.factory import BASELINES
from fastpg.values.mlp import MOST_CRITIC_UPDATES
from fastpg.values.ridge import LEAST_RIDGE

# For `only_with`, by what an option belongs to.
LINEAR = ({"baseline": ("linear",)},)
MLP = ({"baseline": ("mlp",)},)
FITTED = ({"baseline": ("linear", "mlp", "mean")},)


@dataclass(frozen=True, kw_only=True)
class CommonOptions(Options):
    """Options of every algorithm."""

    n_envs: int = option(
        16, "number of environments stepped together, if env is an id or a callable", low=1
    )
    num_threads: int | None = option(
        None,
        "threads of the kernels; results do not depend on it; None: FASTPG_NUM_THREADS, or 1",
        low=1,
        high=MOST_THREADS,
    )
    gamma: float = option(
        0.98,
        "discount factor",
        low=0.0,
        high=1.0,
        search="0.95,0.97,0.98,0.985,0.99,0.995,0.999,1.0",
    )
    ent_coef: Schedule = option(
        0.0, "weight of the entropy bonus, per step", low=0.0, search="1e-4:0.3:log"
    )
    baseline: str = option(
        "linear",
        "value function: linear in features of the observation, a perceptron (mlp), mean of each "
        "step, or none",
        choices=BASELINES,
        mlp="mlp",
        fixed=True,
    )
    ridge: float = option(
        0.1,
        "ridge penalty of the linear baseline",
        low=LEAST_RIDGE,
        only_with=LINEAR,
        search="1e-3:10:log",
    )
    baseline_memory: float = option(
        0.8,
        "decay of earlier batches in the fit of the linear or mean baseline; 0 forgets them",
        low=0.0,
        high=1.0,
        only_with=({"baseline": ("linear", "mean")},),
        search="0:0.9",
    )
    baseline_time: bool = option(
        False,
        "add the step in the episode to the inputs of the linear or mlp baseline",
        only_with=({"baseline": ("linear", "mlp")},),
        fixed=True,
    )
    baseline_batch: int = option(
        0,
        "extra steps per environment, to fit the baseline before each gradient; 0: it is fitted "
        "to earlier iterations",
        low=0,
        only_with=FITTED,
    )


@dataclass(frozen=True, kw_only=True)
class CriticOptions(Options):
    """Options of the algorithms that fit a value network after the policy's step."""

    critic_learning_rate: Schedule = option(
        1e-3,
        "step size of the optimizer of the mlp baseline",
        above=0.0,
        only_with=MLP,
        search="1e-4:1e-2:log",
    )
    n_critic_updates: int = option(
        10,
        "passes over the samples of an iteration in the fit of the mlp baseline",
        low=1,
        high=MOST_CRITIC_UPDATES,
        only_with=MLP,
        search="3:30:log",
    )
    batch_size: int = option(
        128,
        "samples per minibatch of that fit; sizes differ by at most one",
        low=1,
        only_with=MLP,
        search="32,64,128,256,512",
    )


@dataclass(frozen=True, kw_only=True)
class StepOptions(CommonOptions):
    """Options of the algorithms that collect a fixed number of steps."""

    n_envs: int = inherited(CommonOptions, "n_envs", 4)
    n_steps: int | None = option(
        None,
        "steps per environment and iteration; None: about 2,048 samples in all",
        low=1,
        search="64,128,256,512,1024",
    )
    gamma: float = inherited(CommonOptions, "gamma", 0.985, mlp=0.99)
    gae_lambda: float = option(
        0.97,
        "lambda of generalised advantage estimation (GAE)",
        low=0.0,
        high=1.0,
        mlp=0.95,
        search="0.8:1",
    )
    ent_coef: Schedule = inherited(CommonOptions, "ent_coef", 0.03, mlp=0.0)
    value_target: str = option(
        "mc",
        "targets of the baseline's fit: A + V (lambda), or discounted returns (mc)",
        choices=("lambda", "mc"),
        mlp="lambda",
        search="lambda,mc",
    )
    ridge: float = inherited(CommonOptions, "ridge", 0.2)
    baseline_memory: float = inherited(CommonOptions, "baseline_memory", 0.6)
    normalize_reward: bool = option(
        False,
        "divide rewards by the running standard deviation of discounted returns; records and "
        "evaluation keep the rewards as they are",
        mlp=True,
    )
    clip_reward: float | None = option(
        None,
        "bound of the magnitude of rewards, after normalize_reward; None: none",
        above=0.0,
        unit_from="normalize_reward",
    )
    normalize_advantage: bool = option(True, "scale advantages to mean 0 and standard deviation 1")


# If target_kl is None. Estimated gradients never vanish, since their noise does not, and a natural
# step always reaches the bound: a policy comes to rest only if the bound falls. Damping of a
# perceptron's F suppresses the noise already, and it learns more with a constant bound.
KL_OF_STEP, KL_OF_TRAJECTORY = "lin_0.012", "lin_1"
KL_OF_PERCEPTRON = 0.02  # per step

_CONJUGATE_GRADIENT = ({"solver": ("auto", "cg")},)  # auto may choose it


@dataclass(frozen=True, kw_only=True)
class NaturalOptions(CriticOptions, StepOptions):
    """Options of the algorithms that take natural steps."""

    def require_effects(self, names: Iterable[str]) -> None:
        """Raise ValueError for options without effect, and for a singular F without damping.

        Args:
            names: of the options given, as in `Options.require_effects`.

        Raises:
            ValueError: an option that needs other values of other options.
        """
        super().require_effects(names)
        require_damping(self.solver, self.cg_damping)
        if self.fisher_subsample < 1.0 and self.cg_damping == 0.0:
            raise ValueError(
                "cg_damping: expected a number above 0 with fisher_subsample below 1, since the "
                "gradient of all samples is not in the range of F of some, got 0.0"
            )

    target_kl: Schedule | None = option(
        None,
        "bound on KL(old | new) of an update, in nats: the lecture's delta of L4, half of its "
        f"delta of L6; None: {KL_OF_STEP} with kl_per=step (policy mlp: {KL_OF_PERCEPTRON}), "
        f"{KL_OF_TRAJECTORY} with trajectory",
        above=0.0,
        unit_from="kl_per",
        search="lin_0.001:0.2:log",
    )
    kl_per: str = option(
        "step",
        "unit of target_kl: mean KL per step, or per trajectory (that times the mean episode "
        "length)",
        choices=("step", "trajectory"),
    )
    max_step_size: float | None = option(
        None,
        "upper bound of eta, the multiplier of the natural gradient",
        above=0.0,
        unit_from="normalize_advantage",
    )
    fisher: str = option(
        "exact",
        "Fisher matrix: expectation over actions (exact), or the actions taken (sampled)",
        choices=("exact", "sampled"),
    )
    fisher_subsample: float = option(
        1.0,
        "fraction of the samples, spread over all environments, from which F is computed",
        above=0.0,
        high=1.0,
    )
    solver: str = option(
        "auto",
        "auto: cholesky for at most 64 parameters with cg_damping above 0, cg for others",
        choices=SOLVERS,
    )
    cg_max_steps: int = option(
        20,
        "maximum number of conjugate gradient iterations",
        low=1,
        high=MOST_CG_STEPS,
        mlp=15,
        only_with=_CONJUGATE_GRADIENT,
    )
    cg_tol: float = option(
        1e-10,
        "relative residual at which conjugate gradient stops",
        low=0.0,
        only_with=_CONJUGATE_GRADIENT,
    )
    cg_damping: float = option(
        1e-4,
        "damping added to F, relative to the mean of its diagonal",
        low=0.0,
        mlp=10.0,
        search="1e-5:1:log",
        mlp_search="0.1:100:log",
    )
