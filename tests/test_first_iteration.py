"""The first iteration, before which nothing is known of the observations."""

import copy

import gymnasium
import numpy as np
import pytest

import fastpg


class Large(gymnasium.Env):
    """One step an episode; observations are hundreds, rewards 0 or 1."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (3,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seen = self.np_random.normal(size=3)
        return (300 * self.seen).astype(np.float32), {}

    def step(self, action):
        reward = float(self.seen[0] > 0)
        return self.reset()[0], reward, True, False, {}


@pytest.mark.parametrize("algorithm", [fastpg.PPO, fastpg.TRPO, fastpg.NPG, fastpg.REINFORCE])
@pytest.mark.parametrize("options", [{}, {"baseline_batch": 64}], ids=["own", "batch"])
def test_the_first_values_are_those_of_normalised_observations(algorithm, options):
    plain = {"normalize_observations": False}
    size = "n_episodes" if algorithm is fastpg.REINFORCE else "n_steps"
    algo = algorithm(
        "mlp", Large, seed=0, n_envs=1, baseline="mlp", policy_kwargs=plain,
        value_kwargs={"normalize_observations": True, "activation_fn": "relu"},
        **{size: 64}, **options,
    )  # fmt: skip
    algo.learn(128 if options else 64)
    assert algo.history[0]["train/value_loss"] < 3.0
    observations = 64 * len(algo.history)
    assert algo.baseline.state()["baseline_observations"] == observations


class Watched(fastpg.NPG):
    """Keeps the distributions that its updates start from."""

    def update(self, batch):
        acted = self.start.distribution(self.start.features(batch.observations))
        self.pairs.append((batch.samples.distribution(self.policy.theta), acted))
        return super().update(batch)


@pytest.mark.parametrize("network", [{"activation_fn": "relu"}, {"net_arch": []}], ids=str)
def test_the_first_update_is_of_the_policy_that_acted(network):
    algo = Watched("mlp", Large, seed=0, n_envs=1, n_steps=64, policy_kwargs=network)
    algo.start, algo.pairs = copy.deepcopy(algo.policy), []
    algo.learn(128)
    (used, acted), (_, of_start) = algo.pairs
    assert np.array_equal(used, acted)
    assert not np.array_equal(used, of_start)
    assert algo.policy.normalizer.count == 128
