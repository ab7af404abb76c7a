"""How many steps each iteration takes, whatever the environments and however a run goes on."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics

import fastpg


class Counted(gymnasium.Env):
    """Ends by chance, and counts what is done with all of them."""

    observation_space = spaces.Box(-1.0, 1.0, (2,))
    action_space = spaces.Discrete(2)
    steps = ends = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        end = bool(self.np_random.random() < 0.1)
        Counted.steps += 1
        Counted.ends += end
        return self.observation_space.sample(), 1.0, end, False, {}


def lengths(algo, before=0):
    """Steps of each iteration after so many."""
    totals = [record["time/total_timesteps"] for record in algo.history]
    return np.diff([0, *totals])[before:].tolist()


@pytest.mark.parametrize("n_envs", [1, 3, 8])
def test_reinforce_counts_every_step_that_it_takes(n_envs):
    """Environments that have played their share wait for the others, where they can."""
    Counted.steps = Counted.ends = 0
    algo = fastpg.REINFORCE("linear", SyncVectorEnv([Counted] * n_envs), seed=0).learn(3000)
    assert algo.num_timesteps == Counted.steps
    assert algo.num_episodes == Counted.ends
    assert 2500 < algo.num_timesteps <= 3000


class Masked(Counted):
    """Allows one of two actions, by its observation; the info says which."""

    def _seen(self):
        self.allowed = int(self.np_random.integers(2))
        mask = np.arange(2) == self.allowed
        return np.full(2, self.allowed, np.float32), {"action_mask": mask}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._seen()

    def step(self, action):
        assert action == self.allowed
        _, reward, end, cut, _ = super().step(action)
        observation, info = self._seen()
        return observation, reward, end, cut, info


def test_environments_that_wait_keep_their_masks():
    algo = fastpg.REINFORCE("linear", SyncVectorEnv([Masked] * 8), seed=0, n_episodes=9)
    assert len(algo.learn(3000).history) > 20


def test_environments_that_cannot_wait_step_on_uncounted():
    Counted.steps = Counted.ends = 0
    env = RecordEpisodeStatistics(SyncVectorEnv([Counted] * 4))
    algo = fastpg.REINFORCE("linear", env, seed=0).learn(1000)
    assert algo.num_timesteps < Counted.steps


def test_idle_environments_stay_where_they_are():
    from fastpg.rollouts.copies import EnvCopies

    copies = EnvCopies([lambda: gymnasium.make("CartPole-v1")] * 3)
    before, _ = copies.reset(seed=0)
    after, rewards, *flags, _ = copies.step([0, 1, 0], np.array([False, True, False]))
    assert np.array_equal(after[1], before[1])
    assert not np.array_equal(after[0], before[0])
    assert rewards.tolist() == [1.0, 0.0, 1.0]
    assert not np.any(flags)


@pytest.mark.parametrize(
    "make",
    [
        lambda: RecordEpisodeStatistics(
            SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * 16)
        ),
        lambda: AsyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * 16, shared_memory=False),
    ],
    ids=["wrapped", "no shared memory"],
)
def test_what_rows_of_resets_leave_is_not_piled_up(make):
    """Where each environment cannot be reset alone, rows of resets are no samples."""
    env = make()
    algo = fastpg.PPO(
        "linear", env, seed=0, n_steps=8, n_epochs=1, batch_size=128, whiten_features=False
    ).learn(16 * 8 * 40)
    env.close()
    found = lengths(algo)
    assert len(found) == 40
    assert 16 * 8 * 40 - 16 < sum(found) <= 16 * 8 * 40
    assert max(found) <= 16 * 8 + 16


STEPS = [40, 70, 100, 200, 1000, 7000]


@pytest.mark.parametrize("n_steps", STEPS)
@pytest.mark.parametrize("after", [9, 30])
def test_the_rest_of_a_learn_is_planned_anew_for_another_length(tmp_path, n_steps, after):
    kept, total = tmp_path / "kept.npz", 20_000
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0, n_envs=4, n_steps=100)
    algo.learn(total, lambda record: record["time/iterations"] < after)
    algo.save_checkpoint(kept)
    resumed = fastpg.resume(kept, n_steps=n_steps).learn()
    found, left = lengths(resumed, after), total - 400 * after
    assert sum(found) == left
    assert max(found) <= 4 * n_steps
    assert max(found) - min(found) <= 4
    assert len(found) == -(-left // (4 * n_steps))
    again = tmp_path / "again.npz"
    stopped = fastpg.resume(kept, n_steps=n_steps)
    stopped.learn(callback=lambda record: False)
    stopped.save_checkpoint(again)
    assert lengths(fastpg.resume(again).learn(), after) == found


def test_a_larger_batch_for_the_baseline_too(tmp_path):
    kept = tmp_path / "kept.npz"
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0, n_envs=4, n_steps=100, baseline_batch=100)
    algo.learn(40_000, lambda record: record["time/iterations"] < 20)
    algo.save_checkpoint(kept)
    resumed = fastpg.resume(kept, baseline_batch=900).learn()
    assert resumed.num_timesteps == 40_000
    assert set(lengths(resumed, 20)) == {4000}
    same = fastpg.resume(kept, baseline_batch=100).learn()
    assert np.array_equal(same.policy.theta, fastpg.resume(kept).learn().policy.theta)


def test_a_checkpoint_after_a_move_to_more_environments(tmp_path):
    """The sums of rewards of the old ones do not go on."""
    algo = fastpg.PPO("mlp", "CartPole-v1", seed=0, n_envs=3, n_steps=40).learn(400)
    assert algo.options.normalize_reward
    algo.use_env(fastpg.make_vec("CartPole-v1", 5))
    algo.save_checkpoint(tmp_path / "kept")
    resumed = fastpg.resume(tmp_path / "kept").learn(800)
    assert np.array_equal(resumed.policy.theta, algo.learn(800).policy.theta)


def test_episodes_of_the_samples_of_the_baseline_are_in_the_statistics():
    ends = []

    class Noting(gymnasium.Wrapper):
        def reset(self, **given):
            self.total = 0.0
            return self.env.reset(**given)

        def step(self, action):
            found = self.env.step(action)
            self.total += found[1]
            if found[2] or found[3]:
                ends.append(self.total)
            return found

    algo = fastpg.NPG(
        "linear", lambda: Noting(gymnasium.make("CartPole-v1")), n_envs=1, seed=0, n_steps=20,
        baseline_batch=200,
    )  # fmt: skip

    def check(record):
        assert record["rollout/ep_rew_mean"] == pytest.approx(np.mean(ends[-100:]))
        assert record["rollout/ep_rew_max"] == max(ends[-100:])

    algo.learn(1300, check)
    assert algo.num_episodes == len(ends)
