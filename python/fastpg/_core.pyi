import enum
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias, TypedDict, final

import numpy as np
import numpy.typing as npt
from _typeshed import structseq

_Floats: TypeAlias = npt.NDArray[np.float64]
_Float32s: TypeAlias = npt.NDArray[np.float32]
_Bools: TypeAlias = npt.NDArray[np.bool_]
_Actions: TypeAlias = npt.NDArray[np.int32]
_AnyActions: TypeAlias = npt.NDArray[Any]
_Integers: TypeAlias = npt.NDArray[np.int64]
_Words: TypeAlias = npt.NDArray[np.uint32]

_CgStatus: TypeAlias = Literal["converged", "max_steps", "zero_rhs", "bad_curvature", "not_finite"]
_LineSearchStatus: TypeAlias = Literal["accepted", "no_improvement", "kl_exceeded", "not_finite"]

class _RolloutDict(TypedDict):
    observations: _Float32s
    actions: _AnyActions
    rewards: _Floats
    terminated: _Bools
    truncated: _Bools
    valid: _Bools
    step_index: _Actions
    last_observations: _Float32s
    last_step_index: _Integers
    end_rows: _Integers
    end_columns: _Integers
    final_observations: _Float32s
    episode_returns: _Floats
    episode_lengths: _Integers
    sample_count: int
    step_count: int
    complete: bool

class _Build(TypedDict):
    architecture: str
    compiler: str
    isa: Literal["baseline", "avx2", "avx512"]
    isa_reason: str
    isas: list[str]

__version__: str
build: _Build

@final
class UpdateStatistics(structseq[Any], tuple[float, float, float, float, float, float]):
    __match_args__: Final = (
        "kl",
        "approx_kl",
        "effective_sample_size",
        "entropy",
        "objective_before",
        "objective",
    )
    @property
    def kl(self) -> float: ...
    @property
    def approx_kl(self) -> float: ...
    @property
    def effective_sample_size(self) -> float: ...
    @property
    def entropy(self) -> float: ...
    @property
    def objective_before(self) -> float: ...
    @property
    def objective(self) -> float: ...

@final
class ConjugateGradient(structseq[Any], tuple[_Floats, _CgStatus, int, float]):
    __match_args__: Final = ("x", "status", "iterations", "residual")
    @property
    def x(self) -> _Floats: ...
    @property
    def status(self) -> _CgStatus: ...
    @property
    def iterations(self) -> int: ...
    @property
    def residual(self) -> float: ...

@final
class NaturalGradient(
    structseq[Any],
    tuple[_Floats, _CgStatus, int, float, float, float, float, float, float, float, float],
):
    __match_args__: Final = (
        "direction",
        "status",
        "iterations",
        "residual",
        "curvature",
        "damping",
        "noise",
        "slope",
        "signal_share",
        "gradient_norm",
        "norm",
    )
    @property
    def direction(self) -> _Floats: ...
    @property
    def status(self) -> _CgStatus: ...
    @property
    def iterations(self) -> int: ...
    @property
    def residual(self) -> float: ...
    @property
    def curvature(self) -> float: ...
    @property
    def damping(self) -> float: ...
    @property
    def noise(self) -> float: ...
    @property
    def slope(self) -> float: ...
    @property
    def signal_share(self) -> float: ...
    @property
    def gradient_norm(self) -> float: ...
    @property
    def norm(self) -> float: ...

@final
class NaturalStep(structseq[Any], tuple[_Floats, _Floats, _Floats, NaturalGradient]):
    __match_args__: Final = ("advantages", "dist", "gradient", "natural")
    @property
    def advantages(self) -> _Floats: ...
    @property
    def dist(self) -> _Floats: ...
    @property
    def gradient(self) -> _Floats: ...
    @property
    def natural(self) -> NaturalGradient: ...

@final
class LineSearch(
    structseq[Any],
    tuple[
        _Floats,
        _LineSearchStatus,
        int,
        float,
        float,
        float,
        float,
    ],
):
    __match_args__: Final = (
        "theta",
        "status",
        "backtracks",
        "fraction",
        "objective_before",
        "objective_after",
        "kl",
    )
    @property
    def theta(self) -> _Floats: ...
    @property
    def status(self) -> _LineSearchStatus: ...
    @property
    def backtracks(self) -> int: ...
    @property
    def fraction(self) -> float: ...
    @property
    def objective_before(self) -> float: ...
    @property
    def objective_after(self) -> float: ...
    @property
    def kl(self) -> float: ...

@final
class PpoUpdate(
    structseq[Any],
    tuple[
        _Floats,
        bool,
        float,
        float,
        float,
        float,
        float,
        float,
        int,
        int,
        bool,
        UpdateStatistics,
        float,
        _Floats | None,
    ],
):
    __match_args__: Final = (
        "theta",
        "finite",
        "policy_loss",
        "entropy",
        "clip_fraction",
        "approx_kl",
        "grad_norm",
        "kl",
        "n_updates",
        "n_epochs",
        "stopped",
        "statistics",
        "value_loss",
        "value_theta",
    )
    @property
    def theta(self) -> _Floats: ...
    @property
    def finite(self) -> bool: ...
    @property
    def policy_loss(self) -> float: ...
    @property
    def entropy(self) -> float: ...
    @property
    def clip_fraction(self) -> float: ...
    @property
    def approx_kl(self) -> float: ...
    @property
    def grad_norm(self) -> float: ...
    @property
    def kl(self) -> float: ...
    @property
    def n_updates(self) -> int: ...
    @property
    def n_epochs(self) -> int: ...
    @property
    def stopped(self) -> bool: ...
    @property
    def statistics(self) -> UpdateStatistics: ...
    @property
    def value_loss(self) -> float: ...
    @property
    def value_theta(self) -> _Floats | None: ...

@final
class ValueFit(structseq[Any], tuple[_Floats, bool, float, float, int]):
    __match_args__: Final = ("theta", "finite", "value_loss", "grad_norm", "n_updates")
    @property
    def theta(self) -> _Floats: ...
    @property
    def finite(self) -> bool: ...
    @property
    def value_loss(self) -> float: ...
    @property
    def grad_norm(self) -> float: ...
    @property
    def n_updates(self) -> int: ...

@final
class Advantages(structseq[Any], tuple[_Floats, _Floats]):
    __match_args__: Final = ("advantages", "targets")
    @property
    def advantages(self) -> _Floats: ...
    @property
    def targets(self) -> _Floats: ...

@final
class PredictionError(structseq[Any], tuple[float, float]):
    __match_args__: Final = ("explained_variance", "mean_square")
    @property
    def explained_variance(self) -> float: ...
    @property
    def mean_square(self) -> float: ...

@final
class Estimates(structseq[Any], tuple[_Floats, _Floats, _Floats, _Integers, float, float]):
    __match_args__: Final = (
        "values",
        "advantages",
        "targets",
        "steps",
        "explained_variance",
        "value_loss",
    )
    @property
    def values(self) -> _Floats: ...
    @property
    def advantages(self) -> _Floats: ...
    @property
    def targets(self) -> _Floats: ...
    @property
    def steps(self) -> _Integers: ...
    @property
    def explained_variance(self) -> float: ...
    @property
    def value_loss(self) -> float: ...

@final
class EpisodeEnds(structseq[Any], tuple[_Integers, _Floats, _Integers, _Integers]):
    __match_args__: Final = ("columns", "returns", "lengths", "last_step_index")
    @property
    def columns(self) -> _Integers: ...
    @property
    def returns(self) -> _Floats: ...
    @property
    def lengths(self) -> _Integers: ...
    @property
    def last_step_index(self) -> _Integers: ...

@final
class RidgeFit(structseq[Any], tuple[RidgeRegression, _Floats]):
    __match_args__: Final = ("regression", "weights")
    @property
    def regression(self) -> RidgeRegression: ...
    @property
    def weights(self) -> _Floats: ...

LOG_STD_RANGE: tuple[float, float]
MOST_PARAMETER: float
OBSERVATION_CLIP: float

class RandomStream(enum.Enum):
    action = 1
    shuffle = 2
    evaluation = 3
    prediction = 4
    value_shuffle = 5
    initialization = 6
    bootstrap = 7

class ScoreStatistic(enum.Enum):
    iqm = 0
    mean = 1
    median = 2

class PpoObjective(enum.Enum):
    clip = 0
    kl_penalty_exact = 1
    kl_penalty_sampled = 2

class Autoreset(enum.Enum):
    next_step = 0
    same_step = 1
    disabled = 2

class LaneStream:
    def __init__(self, seed: int, purpose: RandomStream) -> None: ...
    def uniforms(
        self, lanes: int, step: int, dimensions: int = 1, first_lane: int = 0
    ) -> _Floats: ...

def end_kernels(seconds: float | None) -> None: ...
def philox4x32(counter: Sequence[int], key: Sequence[int]) -> list[int]: ...
def pcg64_uniform(entropy: _Words, count: int, low: float = 0.0, high: float = 1.0) -> _Floats: ...
def standardize(values: _Floats) -> _Floats: ...
def prediction_error(values: _Floats, targets: _Floats) -> PredictionError: ...
def exp(x: _Floats) -> _Floats: ...
def log(x: _Floats) -> _Floats: ...
def sincos(x: _Floats, exact: bool) -> tuple[_Floats, _Floats]: ...
def gae(
    rewards: _Floats,
    values: _Floats,
    next_values: _Floats,
    terminated: _Bools,
    ended: _Bools,
    gamma: float,
    gae_lambda: float,
    num_threads: int,
) -> Advantages: ...
def estimate(
    rollout: dict[str, Any],
    value: _Floats | tuple[_Floats, _Floats, _Floats] | None,
    value_time: bool,
    gamma: float,
    gae_lambda: float,
    monte_carlo: bool,
    num_threads: int,
) -> Estimates: ...
def bootstrap(
    scores: _Floats, statistic: ScoreStatistic, seed: int, resamples: int, num_threads: int
) -> _Floats: ...
def resample_counts(
    tasks: int, runs: int, seed: int, first: int, resamples: int, num_threads: int
) -> npt.NDArray[np.int32]: ...
def discounted_returns(
    rewards: _Floats,
    next_values: _Floats | None,
    terminated: _Bools,
    ended: _Bools,
    gamma: float,
    num_threads: int,
) -> _Floats: ...
def orthogonal(rows: int, columns: int, gain: float, seed: int, index: int) -> _Floats: ...
def value_features(observations: _Float32s, step_index: _Integers, time: bool) -> _Floats: ...
def value_predict(
    observations: _Float32s,
    step_index: _Integers,
    time: bool,
    weights: _Floats,
    num_threads: int = 1,
) -> _Floats: ...
def conjugate_gradient(
    matrix: _Floats, b: _Floats, max_steps: int, tolerance: float, damping: float
) -> ConjugateGradient: ...

class FeatureMap:
    @staticmethod
    def inputs(observation_size: int, time: bool) -> FeatureMap: ...
    @staticmethod
    def identity(observation_size: int, time: bool) -> FeatureMap: ...
    @staticmethod
    def polynomial(observation_size: int, time: bool, degree: int) -> FeatureMap: ...
    @staticmethod
    def fourier(
        observation_size: int, time: bool, projection: Sequence[float], phases: Sequence[float]
    ) -> FeatureMap: ...
    def normalized(self, mean: Sequence[float], inverse_std: Sequence[float]) -> FeatureMap: ...
    def features(
        self, observations: _Float32s, step_index: _Integers, num_threads: int = 1
    ) -> _Floats: ...
    @property
    def observation_size(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def time(self) -> bool: ...

class Optimizer:
    def ascend(self, theta: _Floats, gradient: _Floats, learning_rate: float) -> _Floats: ...
    @property
    def size(self) -> int: ...
    @property
    def count(self) -> int: ...

class Sgd(Optimizer):
    def __init__(self, size: int) -> None: ...
    def __copy__(self) -> Sgd: ...
    def restore(self, count: int) -> None: ...

class Adam(Optimizer):
    def __init__(self, size: int) -> None: ...
    def __copy__(self) -> Adam: ...
    def restore(self, mean: _Floats, square: _Floats, count: int) -> None: ...
    @property
    def mean(self) -> _Floats: ...
    @property
    def square(self) -> _Floats: ...

class RMSprop(Optimizer):
    def __init__(self, size: int) -> None: ...
    def __copy__(self) -> RMSprop: ...
    def restore(self, square: _Floats, count: int) -> None: ...
    @property
    def square(self) -> _Floats: ...

class Whitening:
    @property
    def matrix(self) -> _Floats: ...

class FeatureMoments:
    def __init__(self, size: int) -> None: ...
    def __copy__(self) -> FeatureMoments: ...
    def add(self, phi: _Floats) -> bool: ...
    def whitening(self) -> Whitening: ...
    def restore(self, square: _Floats, fourth: _Floats, products: _Floats) -> None: ...
    @property
    def square(self) -> _Floats: ...
    @property
    def fourth(self) -> _Floats: ...
    @property
    def products(self) -> _Floats: ...

class RidgeRegression:
    def __init__(self, feature_count: int) -> None: ...
    def fitted(
        self,
        observations: _Float32s,
        step_index: _Integers,
        time: bool,
        targets: _Floats,
        memory: float,
        ridge: float,
        num_threads: int = 1,
    ) -> RidgeFit: ...
    def solve(self, ridge: float) -> _Floats: ...
    def restore(self, mean: _Floats, comoment: _Floats, weight: float) -> None: ...
    @property
    def mean(self) -> _Floats: ...
    @property
    def comoment(self) -> _Floats: ...
    @property
    def weight(self) -> float: ...

class RunningMoments:
    def __init__(self, size: int) -> None: ...
    def updated(self, observations: _Float32s) -> RunningMoments: ...
    def restore(self, mean: Sequence[float], squares: Sequence[float], count: int) -> None: ...
    def inverse_std(self) -> list[float]: ...
    @property
    def mean(self) -> list[float]: ...
    @property
    def squares(self) -> list[float]: ...
    @property
    def count(self) -> int: ...

class Distribution:
    @property
    def outputs(self) -> int: ...
    @property
    def own_parameters(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def action_size(self) -> int: ...
    def sample(self, dist: _Floats, uniforms: _Floats) -> _AnyActions: ...
    def mode(self, dist: _Floats) -> _AnyActions: ...
    def log_prob(self, dist: _Floats, actions: _AnyActions) -> _Floats: ...
    def entropy(self, dist: _Floats) -> _Floats: ...
    def kl(self, old_dist: _Floats, new_dist: _Floats) -> _Floats: ...
    def compare(
        self,
        old_dist: _Floats,
        new_dist: _Floats,
        actions: _AnyActions,
        advantages: _Floats,
        num_threads: int = 1,
    ) -> UpdateStatistics: ...

class Categorical(Distribution):
    def __init__(self, choices: Sequence[int]) -> None: ...
    @property
    def choices(self) -> list[int]: ...

class DiagGaussian(Distribution):
    def __init__(self, dimensions: int) -> None: ...

class StateStdGaussian(Distribution):
    def __init__(self, dimensions: int) -> None: ...

class PpoSettings:
    def __init__(
        self,
        *,
        objective: PpoObjective,
        clip_range: float,
        kl_coef: float,
        learning_rate: float,
        ent_coef: float,
        max_grad_norm: float | None,
        target_kl: float | None,
        n_epochs: int,
        batch_size: int,
        normalize_advantage: bool,
        vf_coef: float,
        clip_range_vf: float | None,
    ) -> None: ...

def act(
    distribution: Distribution,
    network: Network,
    features: FeatureMap,
    theta: _Floats,
    observations: _Float32s,
    step_index: _Integers | None,
    mask: _Bools | None,
    stream: LaneStream | None,
    draw: int,
) -> _AnyActions: ...

class Activation(enum.Enum):
    tanh = 0
    relu = 1
    elu = 2
    silu = 3

class Network:
    @property
    def inputs(self) -> int: ...
    @property
    def outputs(self) -> int: ...
    @property
    def parameters(self) -> int: ...

@final
class Linear(Network):
    def __init__(self, inputs: int, outputs: int) -> None: ...

@final
class Mlp(Network):
    def __init__(
        self, inputs: int, hidden: Sequence[int], outputs: int, activation: Activation
    ) -> None: ...
    @property
    def hidden(self) -> list[int]: ...
    @property
    def activation(self) -> Activation: ...

class PolicyBatch:
    def __init__(
        self,
        distribution: Distribution,
        network: Network,
        phi: _Floats,
        actions: _AnyActions | None = None,
        mask: _Bools | None = None,
        num_threads: int = 1,
    ) -> None: ...
    @staticmethod
    def of_observations(
        distribution: Distribution,
        network: Network,
        features: FeatureMap,
        observations: _Float32s,
        step_index: _Integers,
        actions: _AnyActions | None = None,
        mask: _Bools | None = None,
        num_threads: int = 1,
    ) -> PolicyBatch: ...
    @property
    def phi(self) -> _Floats: ...
    def distribution(self, theta: _Floats) -> _Floats: ...
    def score_gradient(
        self, theta: _Floats, dist: _Floats, weights: _Floats, ent_coef: float = 0.0
    ) -> _Floats: ...
    def entropy_gradient(self, theta: _Floats, dist: _Floats) -> _Floats: ...
    def fisher_vector_product(
        self, theta: _Floats, dist: _Floats, vector: _Floats, sampled: bool = False
    ) -> _Floats: ...
    def fisher(self, theta: _Floats, dist: _Floats, sampled: bool = False) -> _Floats: ...
    def natural_gradient(
        self,
        theta: _Floats,
        dist: _Floats,
        gradient: _Floats,
        sampled: bool,
        factorise: bool,
        max_steps: int,
        tolerance: float,
        damping: float,
        noise: _Floats | None = None,
    ) -> NaturalGradient: ...
    def natural_step(
        self,
        theta: _Floats,
        advantages: _Floats,
        halves: _Floats | None,
        normalize_advantage: bool,
        ent_coef: float,
        sampled: bool,
        fisher_samples: int,
        factorise: bool,
        max_steps: int,
        tolerance: float,
        damping: float,
    ) -> NaturalStep: ...
    def compare(
        self, old_dist: _Floats, theta: _Floats, advantages: _Floats
    ) -> UpdateStatistics: ...
    def line_search(
        self,
        theta: _Floats,
        step: _Floats,
        old_dist: _Floats,
        advantages: _Floats,
        ent_coef: float,
        target_kl: float,
        shrinking_factor: float,
        max_iter: int,
    ) -> LineSearch: ...
    def ppo_epochs(
        self,
        theta: _Floats,
        advantages: _Floats,
        optimizer: Optimizer,
        seed: int,
        first_epoch: int,
        whitening: Whitening | None,
        settings: PpoSettings,
        value_batch: ValueBatch | None = None,
        value_theta: _Floats | None = None,
        value_optimizer: Optimizer | None = None,
    ) -> PpoUpdate: ...

class ValueFitSettings:
    def __init__(
        self,
        *,
        learning_rate: float,
        max_grad_norm: float | None,
        clip_range_vf: float | None,
        n_epochs: int,
        batch_size: int,
    ) -> None: ...

class ValueBatch:
    def __init__(
        self,
        network: Network,
        inputs: _Floats,
        targets: _Floats | None = None,
        num_threads: int = 1,
    ) -> None: ...
    @staticmethod
    def of_observations(
        network: Network,
        features: FeatureMap,
        observations: _Float32s,
        step_index: _Integers,
        targets: _Floats | None = None,
        num_threads: int = 1,
    ) -> ValueBatch: ...
    def values(self, value_theta: _Floats) -> _Floats: ...
    def loss_gradient(self, value_theta: _Floats) -> _Floats: ...
    def fit(
        self,
        value_theta: _Floats,
        value_optimizer: Optimizer,
        seed: int,
        first_epoch: int,
        settings: ValueFitSettings,
    ) -> ValueFit: ...

class Transitions:
    def __init__(self, p: _Floats, actions: int) -> None: ...
    def finite_values(
        self, r: _Floats, pi: _Floats, horizon: int, gamma: float
    ) -> tuple[_Floats, _Floats]: ...
    def finite_optimum(self, r: _Floats, horizon: int, gamma: float) -> tuple[_Floats, _Floats]: ...
    def finite_visits(self, start: _Floats, pi: _Floats, horizon: int) -> _Floats: ...
    def discounted_values(
        self, r: _Floats, pi: _Floats, start: _Floats, gamma: float
    ) -> tuple[_Floats, _Floats, _Floats, float]: ...
    def average_values(
        self, r: _Floats, pi: _Floats
    ) -> tuple[_Floats, _Floats, _Floats, float]: ...
    def expect(self, values: _Floats) -> _Floats: ...
    @property
    def states(self) -> int: ...
    @property
    def actions(self) -> int: ...

class NativeEnvError(RuntimeError):
    environment: int

class Actor:
    @staticmethod
    def softmax(
        features: FeatureMap, network: Network, choices: Sequence[int], deterministic: bool
    ) -> Actor: ...
    @staticmethod
    def gaussian(
        features: FeatureMap,
        network: Network,
        low: Sequence[float],
        high: Sequence[float],
        deterministic: bool,
        state_dependent_std: bool = False,
    ) -> Actor: ...

class _Snapshot(TypedDict):
    states: _Floats
    streams: npt.NDArray[np.uint64]
    elapsed_steps: _Integers
    episode_returns: _Floats
    status: npt.NDArray[np.uint8]

_Parameter = bool | float | str | list[float]

class VectorEnv:
    streams: npt.NDArray[np.uint64]
    def __init__(
        self,
        name: str,
        num_envs: int,
        max_episode_steps: int | None,
        exact: bool,
        copy: bool,
        num_threads: int,
    ) -> None: ...
    @staticmethod
    def tabular(
        transitions: Transitions,
        r: _Floats,
        start: _Floats,
        features: _Float32s,
        terminal: _Bools,
        horizon: int | None,
        num_envs: int,
        max_episode_steps: int | None,
        copy: bool,
        num_threads: int,
    ) -> VectorEnv: ...
    def reset(
        self,
        entropy: Sequence[_Words | None] | None = None,
        mask: _Bools | None = None,
        bounds: Sequence[float] | None = None,
    ) -> _Float32s: ...
    def step(
        self, actions: npt.NDArray[Any], mode: Autoreset
    ) -> tuple[_Float32s, _Floats, _Bools, _Bools, _Float32s, _Bools]: ...
    def collect_steps(
        self,
        actor: Actor,
        theta: _Floats,
        steps: int,
        stream: LaneStream,
        first_step: int,
    ) -> _RolloutDict: ...
    def play_steps(
        self,
        actor: Actor,
        theta: _Floats,
        steps: int,
        stream: LaneStream,
        first_step: int,
    ) -> EpisodeEnds: ...
    def collect_episodes(
        self,
        actor: Actor,
        theta: _Floats,
        n_episodes: int,
        max_samples: int,
        stream: LaneStream,
        first_step: int,
    ) -> _RolloutDict: ...
    def get_state(self) -> _Floats: ...
    def set_state(self, state: _Floats, mask: _Bools | None = None) -> None: ...
    def snapshot(self) -> _Snapshot: ...
    def restore(
        self,
        states: _Floats,
        streams: npt.NDArray[np.uint64],
        elapsed_steps: _Integers,
        episode_returns: _Floats,
        status: npt.NDArray[np.uint8],
        checked: bool = True,
    ) -> None: ...
    def masks(self) -> _Bools | None: ...
    def parameters(self, lane: int = 0) -> dict[str, tuple[_Parameter, list[str]]]: ...
    def set_parameter(self, name: str, values: Sequence[_Parameter]) -> None: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    @property
    def num_envs(self) -> int: ...
    @property
    def exact(self) -> bool: ...
    @property
    def num_threads(self) -> int: ...
    @property
    def draws_in_steps(self) -> bool: ...

def describe_environment(
    name: str,
) -> tuple[dict[str, tuple[_Parameter, list[str], str]], list[float]]: ...
def register_environment(env: Any) -> str: ...
def restored_env(
    arguments: tuple[Any, ...], values: dict[str, list[_Parameter]], snapshot: _Snapshot
) -> VectorEnv: ...
