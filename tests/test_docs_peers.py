"""docs/stable_baselines3.md: its code runs, and its tables name what exists."""

import inspect
import re
from pathlib import Path

import pytest

import fastpg
from fastpg.algorithms.option_texts import described

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "stable_baselines3.md").read_text()

# Arguments of stable-baselines3's PPO and of sb3-contrib's TRPO, 2.9.2.
PPO = [
    "policy",
    "env",
    "learning_rate",
    "n_steps",
    "batch_size",
    "n_epochs",
    "gamma",
    "gae_lambda",
    "clip_range",
    "clip_range_vf",
    "normalize_advantage",
    "ent_coef",
    "vf_coef",
    "max_grad_norm",
    "use_sde",
    "sde_sample_freq",
    "rollout_buffer_class",
    "rollout_buffer_kwargs",
    "target_kl",
    "stats_window_size",
    "tensorboard_log",
    "policy_kwargs",
    "verbose",
    "seed",
    "device",
    "_init_setup_model",
]
TRPO = [
    "policy",
    "env",
    "learning_rate",
    "n_steps",
    "batch_size",
    "gamma",
    "cg_max_steps",
    "cg_damping",
    "line_search_shrinking_factor",
    "line_search_max_iter",
    "n_critic_updates",
    "gae_lambda",
    "use_sde",
    "sde_sample_freq",
    "rollout_buffer_class",
    "rollout_buffer_kwargs",
    "normalize_advantage",
    "target_kl",
    "sub_sampling_factor",
    "stats_window_size",
    "tensorboard_log",
    "policy_kwargs",
    "verbose",
    "seed",
    "device",
    "_init_setup_model",
]
EVALUATION = [
    "model",
    "env",
    "n_eval_episodes",
    "deterministic",
    "render",
    "callback",
    "reward_threshold",
    "return_episode_rewards",
    "warn",
]


def rows(heading):
    """Names in the first two columns of the table under a heading."""
    section = re.split(r"^#+ ", PAGE.partition(f"# {heading}\n")[2], flags=re.MULTILINE)[0]
    for line in section.splitlines():
        if line.startswith("| `"):
            first, second = line.split(" | ")[:2]
            yield re.findall(r"`(\w+)", first), re.findall(r"`(\w+)", second)


def test_the_code_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        exec(compile(block, "stable_baselines3.md", "exec"), namespace)
    assert namespace["mean"] > 100


@pytest.mark.parametrize(("kind", "names"), [(fastpg.PPO, PPO), (fastpg.TRPO, TRPO)])
def test_the_table_has_every_argument_and_tells_what_exists(kind, names):
    table = list(rows("Arguments of the constructors"))
    listed = [name for first, _ in table for name in first]
    assert set(names) <= set(listed)
    own = {spec.name for spec in described(kind.options_class)}
    own |= set(inspect.signature(fastpg.PPO.__init__).parameters)
    both = {spec.name for k in (fastpg.PPO, fastpg.TRPO) for spec in described(k.options_class)}
    for first, second in table:
        for name in second:
            assert name in both | own | {"learn"}, first
        if first[0] in own and second and first[0] in names:
            assert first[0] in second or first[0] == "learning_rate"


def test_arguments_that_are_as_there_have_the_named_default():
    for line in PAGE.splitlines():
        found = re.match(r"\| `(\w+)`.* \| `(\w+)` \| as there, ([\w.]+)", line)
        if found and found[1] not in ("batch_size", "ortho_init", "log_std_init"):
            kinds = [k for k in (fastpg.PPO, fastpg.TRPO) if hasattr(k.options_class(), found[2])]
            assert kinds, line
            for kind in kinds:
                options = kind.options_class.build("", {}, mlp=True)
                assert getattr(options, found[2]) == eval(found[3].rstrip(".")), line


def test_evaluate_policy_has_their_arguments_in_their_order():
    assert list(inspect.signature(fastpg.evaluate_policy).parameters)[: len(EVALUATION)] == (
        EVALUATION
    )
    listed = [name for first, _ in rows("evaluate_policy") for name in first]
    assert set(EVALUATION) <= set(listed)


def test_policy_arguments_exist():
    made = {"log_std_init": -1.0, "net_arch": [8], "activation_fn": "relu", "ortho_init": True}
    fastpg.PPO("MlpPolicy", "Pendulum-v1", policy_kwargs=made)
    listed = [name for first, _ in rows("policy_kwargs") for name in first]
    assert set(made) <= set(listed)
