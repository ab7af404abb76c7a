import enum
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, TypedDict

import numpy as np
import numpy.typing as npt

_Floats: TypeAlias = npt.NDArray[np.float64]
_Float32s: TypeAlias = npt.NDArray[np.float32]
_Features: TypeAlias = _Floats | _Float32s
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

class _PpoDict(TypedDict):
    parameters: _Floats
    finite: bool
    policy_loss: float
    entropy: float
    clip_fraction: float
    approx_kl: float
    grad_norm: float
    kl: float
    n_updates: int
    n_epochs: int
    stopped: bool

class _Build(TypedDict):
    architecture: str
    compiler: str
    isa: Literal["baseline", "avx2", "avx512"]
    isa_reason: str
    isas: list[str]

__version__: str
build: _Build

class Purpose(enum.Enum):
    action = 1
    shuffle = 2
    evaluation = 3
    prediction = 4

class PpoObjective(enum.Enum):
    clip = 0
    kl_penalty_exact = 1
    kl_penalty_sampled = 2

class Autoreset(enum.Enum):
    next_step = 0
    same_step = 1
    disabled = 2

def end_kernels(seconds: float | None) -> None: ...
def philox4x32(counter: Sequence[int], key: Sequence[int]) -> list[int]: ...
def pcg64_uniform(entropy: _Words, count: int, low: float = 0.0, high: float = 1.0) -> _Floats: ...
def standardize(values: _Floats) -> _Floats: ...
def prediction_error(values: _Floats, targets: _Floats) -> tuple[float, float]: ...
def following_values(
    values: _Floats,
    last_values: _Floats,
    end_rows: npt.NDArray[np.int64],
    end_columns: npt.NDArray[np.int64],
    final_values: _Floats,
) -> _Floats: ...
def lane_uniforms(
    seed: int, purpose: Purpose, first_lane: int, lanes: int, step: int, dimensions: int = 1
) -> _Floats: ...
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
) -> tuple[_Floats, _Floats]: ...
def discounted_returns(
    rewards: _Floats,
    next_values: _Floats | None,
    terminated: _Bools,
    ended: _Bools,
    gamma: float,
    num_threads: int,
) -> _Floats: ...
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
) -> tuple[_Floats, _CgStatus, int, float]: ...

class FeatureMap:
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
    def inputs(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def time(self) -> bool: ...

class Adam:
    def __init__(self, size: int) -> None: ...
    def __copy__(self) -> Adam: ...
    def ascend(self, theta: _Floats, gradient: _Floats, learning_rate: float) -> _Floats: ...
    def restore(self, mean: _Floats, square: _Floats, count: int) -> None: ...
    @property
    def mean(self) -> _Floats: ...
    @property
    def square(self) -> _Floats: ...
    @property
    def count(self) -> int: ...

class Whitening:
    @property
    def matrix(self) -> _Floats: ...

class FeatureMoments:
    def __init__(self, size: int) -> None: ...
    def __copy__(self) -> FeatureMoments: ...
    def add(self, phi: _Features) -> bool: ...
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
    def __copy__(self) -> RidgeRegression: ...
    def fit(
        self,
        observations: _Float32s,
        step_index: _Integers,
        time: bool,
        targets: _Floats,
        memory: float,
        ridge: float,
        num_threads: int = 1,
    ) -> _Floats: ...
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
    def __copy__(self) -> RunningMoments: ...
    def update(self, observations: _Float32s) -> None: ...
    def restore(self, mean: Sequence[float], squares: Sequence[float], count: int) -> None: ...
    def inverse_std(self) -> list[float]: ...
    @property
    def mean(self) -> list[float]: ...
    @property
    def squares(self) -> list[float]: ...
    @property
    def count(self) -> int: ...

class CategoricalHead:
    def __init__(self, choices: Sequence[int]) -> None: ...
    @property
    def choices(self) -> list[int]: ...
    @property
    def outputs(self) -> int: ...
    @property
    def extra(self) -> int: ...
    @property
    def action_size(self) -> int: ...
    def distribution(
        self,
        features: _Features,
        parameters: _Floats,
        mask: _Bools | None = None,
        num_threads: int = 1,
    ) -> _Floats: ...
    def sample(self, dist: _Floats, uniforms: _Floats) -> _AnyActions: ...
    def mode(self, dist: _Floats) -> _AnyActions: ...
    def log_prob(self, dist: _Floats, actions: _AnyActions) -> _Floats: ...
    def score_gradient(
        self,
        features: _Features,
        dist: _Floats,
        actions: _AnyActions,
        weights: _Floats,
        ent_coef: float = 0.0,
        num_threads: int = 1,
    ) -> _Floats: ...
    def compare(
        self,
        old_dist: _Floats,
        new_dist: _Floats,
        actions: _AnyActions,
        advantages: _Floats,
        num_threads: int = 1,
    ) -> tuple[float, float, float, float, float, float]: ...
    def entropy(self, dist: _Floats) -> _Floats: ...
    def entropy_gradient(
        self, features: _Features, dist: _Floats, num_threads: int = 1
    ) -> _Floats: ...
    def kl(self, old_dist: _Floats, new_dist: _Floats) -> _Floats: ...
    def fisher_vector_product(
        self,
        features: _Features,
        dist: _Floats,
        vector: _Floats,
        actions: _AnyActions | None = None,
        num_threads: int = 1,
    ) -> _Floats: ...
    def fisher(
        self,
        features: _Features,
        dist: _Floats,
        actions: _AnyActions | None = None,
        num_threads: int = 1,
    ) -> _Floats: ...
    def natural_gradient(
        self,
        features: _Features,
        dist: _Floats,
        gradient: _Floats,
        actions: _AnyActions | None,
        dense: bool,
        max_steps: int,
        tolerance: float,
        damping: float,
        noise: _Floats | None = None,
        num_threads: int = 1,
    ) -> tuple[_Floats, _CgStatus, int, float, float, float, float]: ...
    def line_search(
        self,
        features: _Features,
        actions: _AnyActions,
        advantages: _Floats,
        old_dist: _Floats,
        mask: _Bools | None,
        parameters: _Floats,
        step: _Floats,
        ent_coef: float,
        target_kl: float,
        shrinking_factor: float,
        max_iter: int,
        num_threads: int = 1,
    ) -> tuple[_Floats, _LineSearchStatus, int, float, float, float, float]: ...
    def ppo_epochs(
        self,
        features: _Features,
        actions: _AnyActions,
        advantages: _Floats,
        mask: _Bools | None,
        parameters: _Floats,
        adam: Adam,
        seed: int,
        first_epoch: int,
        whitening: Whitening | None,
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
        plain_sgd: bool,
    ) -> _PpoDict: ...

class GaussianHead:
    def __init__(self, dimensions: int) -> None: ...
    @property
    def outputs(self) -> int: ...
    @property
    def extra(self) -> int: ...
    @property
    def action_size(self) -> int: ...
    def distribution(
        self,
        features: _Features,
        parameters: _Floats,
        mask: _Bools | None = None,
        num_threads: int = 1,
    ) -> _Floats: ...
    def sample(self, dist: _Floats, uniforms: _Floats) -> _AnyActions: ...
    def mode(self, dist: _Floats) -> _AnyActions: ...
    def log_prob(self, dist: _Floats, actions: _AnyActions) -> _Floats: ...
    def score_gradient(
        self,
        features: _Features,
        dist: _Floats,
        actions: _AnyActions,
        weights: _Floats,
        ent_coef: float = 0.0,
        num_threads: int = 1,
    ) -> _Floats: ...
    def compare(
        self,
        old_dist: _Floats,
        new_dist: _Floats,
        actions: _AnyActions,
        advantages: _Floats,
        num_threads: int = 1,
    ) -> tuple[float, float, float, float, float, float]: ...
    def entropy(self, dist: _Floats) -> _Floats: ...
    def entropy_gradient(
        self, features: _Features, dist: _Floats, num_threads: int = 1
    ) -> _Floats: ...
    def kl(self, old_dist: _Floats, new_dist: _Floats) -> _Floats: ...
    def fisher_vector_product(
        self,
        features: _Features,
        dist: _Floats,
        vector: _Floats,
        actions: _AnyActions | None = None,
        num_threads: int = 1,
    ) -> _Floats: ...
    def fisher(
        self,
        features: _Features,
        dist: _Floats,
        actions: _AnyActions | None = None,
        num_threads: int = 1,
    ) -> _Floats: ...
    def natural_gradient(
        self,
        features: _Features,
        dist: _Floats,
        gradient: _Floats,
        actions: _AnyActions | None,
        dense: bool,
        max_steps: int,
        tolerance: float,
        damping: float,
        noise: _Floats | None = None,
        num_threads: int = 1,
    ) -> tuple[_Floats, _CgStatus, int, float, float, float, float]: ...
    def line_search(
        self,
        features: _Features,
        actions: _AnyActions,
        advantages: _Floats,
        old_dist: _Floats,
        mask: _Bools | None,
        parameters: _Floats,
        step: _Floats,
        ent_coef: float,
        target_kl: float,
        shrinking_factor: float,
        max_iter: int,
        num_threads: int = 1,
    ) -> tuple[_Floats, _LineSearchStatus, int, float, float, float, float]: ...
    def ppo_epochs(
        self,
        features: _Features,
        actions: _AnyActions,
        advantages: _Floats,
        mask: _Bools | None,
        parameters: _Floats,
        adam: Adam,
        seed: int,
        first_epoch: int,
        whitening: Whitening | None,
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
        plain_sgd: bool,
    ) -> _PpoDict: ...

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

class SoftmaxActor:
    def __init__(
        self,
        features: FeatureMap,
        theta: Sequence[float],
        n_actions: int,
        deterministic: bool,
    ) -> None: ...

class GaussianActor:
    def __init__(
        self,
        features: FeatureMap,
        theta: Sequence[float],
        low: Sequence[float],
        high: Sequence[float],
        deterministic: bool,
    ) -> None: ...

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
        bounds: tuple[float, float] | None = None,
    ) -> _Float32s: ...
    def step(
        self, actions: npt.NDArray[Any], mode: Autoreset
    ) -> tuple[_Float32s, _Floats, _Bools, _Bools, _Float32s, _Bools]: ...
    def collect_steps(
        self,
        actor: SoftmaxActor | GaussianActor,
        steps: int,
        seed: int,
        purpose: Purpose,
        first_step: int,
    ) -> _RolloutDict: ...
    def collect_episodes(
        self,
        actor: SoftmaxActor | GaussianActor,
        n_episodes: int,
        max_samples: int,
        seed: int,
        purpose: Purpose,
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

def restored_env(
    arguments: tuple[Any, ...], values: dict[str, list[_Parameter]], snapshot: _Snapshot
) -> VectorEnv: ...
