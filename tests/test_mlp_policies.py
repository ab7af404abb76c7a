"""MlpSoftmax and MlpGaussian: against float64 NumPy, linear policies, and by their properties."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

import fastpg
import mlp_cases
import reference
from fastpg import _core
from fastpg.algorithms import ALGORITHMS
from fastpg.functional.solvers import Adam, Sgd, line_search, ppo_epochs
from mlp_cases import ACTIVATIONS, Aim
from mlp_kinds import KINDS
from properties import tried_on
from trainings import untimed

# The network is computed in float32: inputs, weights and every sum are rounded by 2^-24, and with
# up to 11 layers of up to 64 terms the roundings add up to some times that. Sums over samples are
# float64 beyond a block. Errors are relative to the norms of the factors of a product, since the
# terms of a sum may cancel; the worst of 3,000 random cases is a quarter of a bound or less.
LOGITS = 2.0**-18
GRADIENT = 2.0**-18.5
FISHER = 2.0**-22
SEEDS = st.integers(0, 2**32 - 1)


def case_of(seed, most_parameters=None):
    case = mlp_cases.random_case(seed, most_parameters)
    assume(case is not None)
    return case


def assert_close(found, expected, scale, bound):
    assert np.linalg.norm(found - expected) <= bound * scale


def batch_of(case, num_threads=1):
    return case.policy.batch(case.phi, case.actions, case.mask, num_threads=num_threads)


def of_one_unit(x):
    """tanh x of one hidden unit, x float32."""
    network = _core.Mlp(1, [1], 1, _core.Activation.tanh)
    batch = _core.PolicyBatch(_core.DiagGaussian(1), network, x.astype(np.float64)[:, None])
    return batch.distribution(np.array([1.0, 0.0, 1.0, 0.0, 0.0]))[:, 0]


def test_tanh_is_within_two_ulp(rng):
    sizes = rng.integers(0, np.float32(11.0).view(np.int32), 300_000, dtype=np.int32)
    near_one = rng.uniform(0.01, 1.0, 300_000).astype(np.float32)  # where most roundings add up
    x = np.concatenate([sizes.view(np.float32), near_one, np.float32([0.0, 43.7, 89.0, 3e38])])
    found, true = of_one_unit(x), np.tanh(x.astype(np.float64))
    ulp = 2.0 ** (np.frexp(true)[1] - 24)
    assert (np.abs(found - true) <= 2.0 * ulp).all()
    assert np.array_equal(of_one_unit(-x), -found)


def test_products_are_fused_where_the_instruction_set_can():
    """x w + b is rounded once: 2^-24 is left of (1 + 2^-12)^2 - (1 + 2^-11), else nothing."""
    network = _core.Mlp(1, [1], 1, _core.Activation.relu)
    one = 1.0 + 2.0**-12
    batch = _core.PolicyBatch(_core.DiagGaussian(1), network, np.array([[one]]))
    left = batch.distribution(np.array([one, -1.0 - 2.0**-11, 1.0, 0.0, 0.0]))[0, 0]
    if fastpg.build_info()["isa"] in ("avx2", "avx512"):
        assert left == 2.0**-24
    else:
        assert left in (0.0, 2.0**-24)


@tried_on(25, 300, 10_000)(SEEDS)
def test_distributions(seed):
    case = case_of(seed)
    found = case.policy.distribution(case.phi, mask=case.mask)
    finite = np.isfinite(case.dist)
    assert np.array_equal(np.isfinite(found), finite)
    assert (found[~finite] == -np.inf).all()
    scale = 1.0 + np.abs(case.dist[finite]).max()
    assert np.abs(found[finite] - case.dist[finite]).max() <= LOGITS * scale


@tried_on(25, 300, 10_000)(SEEDS)
def test_what_follows_from_distributions_is_float64(seed):
    case = case_of(seed)
    policy, dist = case.policy, case.dist
    other, _ = case.at(case.theta + 0.1 * case.direction / np.linalg.norm(case.direction))
    assert np.allclose(policy.log_prob(dist, case.actions), case.log_prob(dist), 1e-12, 1e-12)
    assert np.allclose(policy.entropy(dist), case.entropy(dist), 1e-12, 1e-12)
    assert np.allclose(policy.kl(dist, other), case.kl(dist, other), 1e-9, 1e-13)


@tried_on(25, 300, 10_000)(SEEDS)
def test_gradients(seed):
    case = case_of(seed)
    scores, weights = case.scores(case.dist), case.weights
    found = case.policy.score_gradient(case.phi, case.dist, case.actions, weights)
    expected = mlp_cases.mean_back(case.jacobian, weights[:, None] * scores)
    scale = np.mean(np.abs(weights) * np.linalg.norm(scores, axis=1) * case.norms)
    assert_close(found, expected, scale, GRADIENT)
    slopes = case.entropy_slopes
    found_entropy = case.policy.entropy_gradient(case.phi, case.dist)
    expected_entropy = mlp_cases.mean_back(case.jacobian, slopes)
    entropy_scale = np.mean(np.linalg.norm(slopes, axis=1) * case.norms)
    assert_close(found_entropy, expected_entropy, entropy_scale, GRADIENT)
    both = batch_of(case).score_gradient(case.theta, case.dist, weights, 0.3)
    expected += 0.3 * expected_entropy
    assert_close(both, expected, scale + 0.3 * entropy_scale, GRADIENT)


@tried_on(25, 300, 10_000)(SEEDS)
def test_fisher_vector_products(seed):
    case = case_of(seed)
    v = case.direction
    for curvature, actions in ((case.curvature, None), (case.sampled_curvature, case.actions)):
        found = case.policy.fisher_vector_product(case.phi, case.dist, v, actions)
        size = np.mean(case.norms**2 * np.linalg.norm(curvature, axis=(1, 2)))
        scale = size * np.linalg.norm(v)
        assert_close(found, case.fisher_product(curvature, v), scale, FISHER)


@tried_on(15, 200, 5_000)(SEEDS)
def test_the_whole_fisher_matrix_of_few_parameters(seed):
    case = case_of(seed, 120)
    for curvature, actions in ((case.curvature, None), (case.sampled_curvature, case.actions)):
        found = case.policy.fisher(case.phi, case.dist, actions)
        scale = np.mean(case.norms**2 * np.linalg.norm(curvature, axis=(1, 2)))
        assert_close(found, case.fisher(curvature), scale, 4.0 * FISHER)
        assert np.allclose(found, found.T, rtol=0.0, atol=1e-15 * scale)
        assert np.linalg.eigvalsh(found).min() >= -1e-6 * scale


@tried_on(15, 300, 5_000)(SEEDS)
def test_the_fisher_matrix_is_the_hessian_of_the_kl(seed):
    """Central differences of the gradient of KL(old | new) in float64, along a random vector."""
    case = case_of(seed)
    v, h = case.direction / np.linalg.norm(case.direction), 1e-5
    change = case.kl_gradient(case.theta + h * v) - case.kl_gradient(case.theta - h * v)
    found = case.policy.fisher_vector_product(case.phi, case.dist, v)
    scale = np.mean(case.norms**2 * np.linalg.norm(case.curvature, axis=(1, 2)))
    assert_close(found, change / (2.0 * h), scale, 1e-6)


@pytest.mark.parametrize("sampled", [False, True])
@pytest.mark.parametrize("solver", ["cg", "cholesky"])
@tried_on(6, 100, 2_000)(SEEDS)
def test_natural_directions_solve_the_damped_system(solver, sampled, seed):
    case = case_of(seed, 120)
    f = case.fisher(case.sampled_curvature if sampled else case.curvature)
    g = mlp_cases.mean_back(case.jacobian, case.weights[:, None] * case.scores(case.dist))
    found = fastpg.natural_gradient(
        case.policy, case.phi, case.dist, g, actions=case.actions if sampled else None,
        solver=solver, cg_max_steps=500, cg_damping=0.1,
    )  # fmt: skip
    if found.status == "zero_rhs":
        assert not g.any()
        return
    damping = 0.1 * np.trace(f) / len(f)
    assert found.damping == pytest.approx(damping, rel=1e-5)
    d = found.direction
    residual = np.linalg.norm(f @ d + damping * d - g)
    # F differs from the reference by roundings; the condition number is at most 10 parameters + 1.
    assert residual <= 1e-5 * (10 * len(f) + 1) * np.linalg.norm(g)
    assert found.curvature == pytest.approx(d @ f @ d, rel=1e-3, abs=1e-12)


def ppo_gradient(case, theta, clip, ent_coef):
    """Of mean min(w A, clip(w) A) + ent_coef H, and how near a ratio is to a bound."""
    dist, jacobian = case.at(theta)
    ratio, a = np.exp(case.log_prob(dist) - case.log_prob(case.dist)), case.weights
    moved = Moved(case, dist, jacobian)
    active = np.where(a > 0.0, ratio < 1.0 + clip, ratio > 1.0 - clip)
    slopes = (active * ratio * a)[:, None] * case.scores(dist) + ent_coef * moved.entropy_slopes
    near = np.abs(np.abs(ratio - 1.0) - clip).min()
    return mlp_cases.mean_back(jacobian, slopes), near


class Moved(mlp_cases.Case):
    """The samples of a case under other parameters."""

    def __init__(self, case, dist, jacobian):
        vars(self).update(vars(case))
        self.dist, self.jacobian = dist, jacobian


@tried_on(15, 300, 3_000)(SEEDS)
def test_ppo_with_plain_ascent_follows_the_reference(seed):
    """One epoch of one minibatch is theta + rate times the gradient; three clip some ratios."""
    case = case_of(seed)
    options = {"seed": 0, "batch_size": case.n, "normalize_advantage": False, "mask": case.mask}
    norm = np.mean(
        np.abs(case.weights) * np.linalg.norm(case.scores(case.dist), axis=1) * case.norms
    )
    rate = 0.1 / (norm + 1e-3)
    theta = case.theta
    for n_epochs in (1, 2, 3):
        gradient, near = ppo_gradient(case, theta, 0.05, 0.1)
        # Rounding must not change which ratios and which ln sigma are clipped.
        assume(near > 1e-4 and not case.near_a_bound(theta))
        theta = case.project(theta + rate * gradient)
        optimizer = Sgd(len(theta))
        found = ppo_epochs(
            case.policy, case.phi, case.actions, case.weights, optimizer, n_epochs=n_epochs,
            learning_rate=rate, ent_coef=0.1, clip_range=0.05, **options,
        )  # fmt: skip
        assert (found.finite, found.n_updates, optimizer.count) == (True, n_epochs, n_epochs)
        # Ratios and old distributions are rounded too, and later steps start where earlier ones
        # have ended.
        bound = 2.0**-15 if n_epochs == 1 else 2.0**-13
        assert_close(found.theta, theta, n_epochs * rate * (norm + 1e-3), bound)


@pytest.mark.parametrize("n", [1, 5, 8, 127, 128, 500])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{"ent_coef": 0.5}, {"kl_coef": 3.0}], ids=str)
def test_bonus_and_penalty_in_minibatches_of_any_size(rng, kind, n, options):
    """Blocks of samples are padded: the bias must get nothing from what is no sample."""
    case = mlp_cases.make(rng, kind, "tanh", [6], 3, KINDS[kind].example, n)
    settings = {"seed": 0, "batch_size": n, "normalize_advantage": False, "mask": case.mask}
    if "kl_coef" in options:
        settings |= {"objective": "kl_penalty", "kl_estimator": "exact"}

    def after(n_epochs):
        return ppo_epochs(
            case.policy, case.phi, case.actions, case.weights, Sgd(len(case.theta)),
            n_epochs=n_epochs, learning_rate=0.05, clip_range=10.0, **settings, **options,
        ).theta  # fmt: skip

    one = after(1)
    dist, jacobian = case.at(one)
    moved = Moved(case, dist, jacobian)
    ratio = np.exp(case.log_prob(dist) - case.log_prob(case.dist))
    slopes = (ratio * case.weights)[:, None] * case.scores(dist)
    slopes += options.get("ent_coef", 0.0) * moved.entropy_slopes
    expected = mlp_cases.mean_back(jacobian, slopes)
    expected -= options.get("kl_coef", 0.0) * case.kl_gradient(one)
    gradient = (after(2) - one) / 0.05
    assert np.allclose(gradient, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_kind_with_every_activation(rng, kind, activation):
    case = mlp_cases.make(rng, kind, activation, [20, 9], 4, KINDS[kind].example, 150)
    found = case.policy.distribution(case.phi, mask=case.mask)
    assert np.allclose(found, case.dist, rtol=1e-5, atol=1e-5)
    gradient = batch_of(case).score_gradient(case.theta, case.dist, case.weights)
    expected = mlp_cases.mean_back(case.jacobian, case.weights[:, None] * case.scores(case.dist))
    assert np.allclose(gradient, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_torch_agrees_in_float64(seed):
    torch = pytest.importorskip("torch", exc_type=ImportError)
    case = mlp_cases.random_case(seed)
    theta = torch.tensor(case.theta, requires_grad=True)
    functions = {"tanh": torch.tanh, "relu": torch.relu}
    functions |= {"elu": torch.nn.functional.elu, "silu": torch.nn.functional.silu}
    x, begin = torch.tensor(case.phi), 0
    for index, (fan_in, fan_out) in enumerate(itertools.pairwise(case.sizes)):
        middle, end = begin + fan_in * fan_out, begin + (fan_in + 1) * fan_out
        x = x @ theta[begin:middle].reshape(fan_in, fan_out) + theta[middle:end]
        if index < len(case.sizes) - 2:
            x = functions[case.policy.activation_fn](x)
        begin = end
    log_prob, entropy = case.kind.in_torch(torch, x, theta[end:], case.actions)
    assert np.allclose(log_prob.detach().numpy(), case.log_prob(case.dist), 1e-10, 1e-10)
    weights = torch.tensor(case.weights)
    (gradient,) = torch.autograd.grad((weights * log_prob).mean(), theta, retain_graph=True)
    scores = case.scores(case.dist)
    found = case.policy.score_gradient(case.phi, case.dist, case.actions, case.weights)
    scale = np.mean(np.abs(case.weights) * np.linalg.norm(scores, axis=1) * case.norms)
    assert_close(found, gradient.numpy(), scale, GRADIENT)
    (gradient,) = torch.autograd.grad(entropy.mean(), theta)
    scale = np.mean(np.linalg.norm(case.entropy_slopes, axis=1) * case.norms)
    found = case.policy.entropy_gradient(case.phi, case.dist)
    assert_close(found, gradient.numpy(), scale, GRADIENT)


def linear_pair(rng, kind):
    """A perceptron without hidden layers, and the linear policy with the same theta, flat."""
    of = KINDS[kind]
    mlp, linear = of.made(4, of.example, net_arch=()), of.linear(4, of.example)
    network = rng.normal(size=mlp._network.parameters)
    mlp.theta = np.concatenate([network, of.own(rng, of.example)])
    linear.theta = mlp.theta.reshape(linear.shape)
    return mlp, linear


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.linear])
def test_no_hidden_layer_is_a_linear_policy(rng, kind):
    mlp, linear = linear_pair(rng, kind)
    observations = rng.normal(size=(400, 4)).astype(np.float32)
    phi, phi_linear = mlp.features(observations), linear.features(observations)
    assert np.array_equal(phi_linear, np.column_stack([phi, np.ones(400)]))
    dist = linear.distribution(phi_linear)
    assert np.allclose(mlp.distribution(phi), dist, rtol=0.0, atol=3e-6)
    size = linear._action_size
    actions = linear.sample(dist, rng.random((400, size)) * 0.99 + 0.005)
    a, v = rng.normal(size=400), rng.normal(size=mlp.shape)
    for found, expected in [
        (
            mlp.score_gradient(phi, dist, actions, a),
            linear.score_gradient(phi_linear, dist, actions, a),
        ),
        (mlp.entropy_gradient(phi, dist), linear.entropy_gradient(phi_linear, dist)),
        (
            mlp.fisher_vector_product(phi, dist, v),
            linear.fisher_vector_product(phi_linear, dist, v.reshape(linear.shape)),
        ),
        (
            mlp.fisher_vector_product(phi, dist, v, actions),
            linear.fisher_vector_product(phi_linear, dist, v.reshape(linear.shape), actions),
        ),
        (mlp.fisher(phi, dist), linear.fisher(phi_linear, dist)),
        (mlp.fisher(phi, dist, actions), linear.fisher(phi_linear, dist, actions)),
    ]:
        assert np.allclose(found.ravel(), expected.ravel(), rtol=1e-5, atol=3e-6)
    g = linear.score_gradient(phi_linear, dist, actions, a)
    for solver in ("cg", "cholesky"):
        options = {"solver": solver, "cg_damping": 0.1, "cg_max_steps": 200}
        found = fastpg.natural_gradient(mlp, phi, dist, g.ravel(), **options)
        expected = fastpg.natural_gradient(linear, phi_linear, dist, g, **options)
        scale = np.linalg.norm(expected.direction)
        assert_close(found.direction, expected.direction.ravel(), scale, 1e-4)
        step = 0.1 * expected.direction / np.sqrt(expected.curvature)
        one = line_search(mlp, phi, dist, actions, a, step.ravel(), target_kl=0.003)
        two = line_search(linear, phi_linear, dist, actions, a, step, target_kl=0.003)
        assert (one.status, one.backtracks) == (two.status, two.backtracks)
        assert np.allclose(one.theta, two.theta.ravel(), rtol=0.0, atol=1e-6)
        assert one.kl == pytest.approx(two.kl, rel=1e-3)


@pytest.mark.parametrize("box", [False, True])
@pytest.mark.parametrize("algorithm", [fastpg.NPG, fastpg.TRPO])
def test_an_update_without_hidden_layers_is_that_of_a_linear_policy(algorithm, box):
    """From theta 0, where both act alike."""
    options = {
        "seed": 0, "n_envs": 4, "n_steps": 128, "gamma": 0.9, "gae_lambda": 0.9, "target_kl": 0.01,
        "ent_coef": 0.01, "solver": "cholesky", "cg_damping": 1e-2, "baseline": "linear",
        "ridge": 0.1, "value_target": "mc", "baseline_memory": 0.5, "normalize_advantage": True,
        "max_step_size": None,
    }  # fmt: skip
    if box:
        theta = np.zeros(5)
        policies = fastpg.LinearGaussian(3, 1, theta), fastpg.MlpGaussian(3, 1, theta, net_arch=[])
    else:
        theta = np.zeros(12)
        policies = (
            fastpg.LinearSoftmax(3, 3, theta.reshape(4, 3)),
            fastpg.MlpSoftmax(3, 3, theta, net_arch=[]),
        )
    linear, mlp = (algorithm(p, lambda: Aim(box), **options).learn(512) for p in policies)
    assert linear.history[0]["train/status"] == mlp.history[0]["train/status"] == "accepted"
    moved = linear.policy.theta.ravel()
    assert np.abs(moved).max() > 1e-3
    assert_close(mlp.policy.theta, moved, np.linalg.norm(moved), 1e-4)
    for key in ("train/kl", "train/step_size", "train/curvature", "train/grad_norm"):
        assert mlp.history[0][key] == pytest.approx(linear.history[0][key], rel=1e-3)


def samples(name, n_steps):
    """Options of an algorithm: so many steps of 8 environments, or their episodes of 10 steps."""
    known = {field.name for field in dataclasses.fields(ALGORITHMS[name].options_class)}
    return {"n_steps": n_steps} if "n_steps" in known else {"n_episodes": 8 * n_steps // 10}


def dead_relu(kind):
    """A perceptron whose first two of four units are 0 for every observation in [-1, 1]."""
    if kind == "gaussian":
        policy = fastpg.MlpGaussian(3, 2, net_arch=[4], activation_fn="relu", seed=5)
    else:
        policy = fastpg.MlpSoftmax(3, 3, net_arch=[4], activation_fn="relu", seed=5)
    theta = policy.theta.copy()
    theta[12:16] = [-100.0, -100.0, 0.5, 0.7]
    policy.theta = theta
    return policy


@pytest.mark.parametrize("kind", ["softmax", "gaussian"])
def test_dead_units_have_no_gradient_and_do_not_stop_training(rng, kind):
    policy = dead_relu(kind)
    phi = policy.features(rng.uniform(-1.0, 1.0, size=(90, 3)))
    dist = policy.distribution(phi)
    size = policy._action_size
    actions = policy.sample(dist, rng.random((90, size)) * 0.99 + 0.005)
    gradient = policy.score_gradient(phi, dist, actions, rng.normal(size=90))
    outputs = policy._distribution.outputs
    first, second = gradient[:12].reshape(3, 4), gradient[16 : 16 + 4 * outputs]
    assert not first[:, :2].any()
    assert not gradient[12:14].any()
    assert not second[: 2 * outputs].any()
    assert gradient.any()
    for found in (
        policy.fisher(phi, dist),
        policy.fisher(phi, dist, actions),
        policy.fisher_vector_product(phi, dist, rng.normal(size=policy.shape)),
    ):
        assert np.isfinite(found).all()
        assert not found[:2].any()
    box = kind == "gaussian"
    for name in ALGORITHMS:
        trained = dead_relu(kind) if not box else fastpg.MlpGaussian(
            3, 1, np.append(policy.theta[:16], np.full(6, 0.1)), net_arch=[4], activation_fn="relu"
        )  # fmt: skip
        before = trained.theta
        algo = ALGORITHMS[name](trained, lambda: Aim(box), n_envs=4, seed=0, **samples(name, 64))
        algo.learn(768)
        assert {record["train/status"] for record in algo.history} == {"accepted"}
        assert np.isfinite(algo.policy.theta).all()
        assert np.array_equal(algo.policy.theta[12:14], before[12:14])
        assert not np.array_equal(algo.policy.theta, before)


def test_all_units_dead(rng):
    """Only the last bias, and ln sigma, have gradients; a natural step is still made of them."""
    theta = np.concatenate(
        [rng.normal(size=12), np.full(4, -100.0), rng.normal(size=8), [0.1, 0.2]]
    )
    policy = fastpg.MlpSoftmax(3, 2, theta, net_arch=[4], activation_fn="relu")
    phi = policy.features(rng.uniform(-1.0, 1.0, size=(50, 3)))
    dist = policy.distribution(phi)
    assert np.allclose(dist, reference.log_softmax(np.tile([0.1, 0.2], (50, 1))), atol=1e-7)
    g = policy.score_gradient(phi, dist, rng.integers(2, size=50), rng.normal(size=50))
    assert not g[:-2].any()
    for solver in ("cg", "cholesky"):
        found = fastpg.natural_gradient(policy, phi, dist, g, solver=solver)
        assert np.isfinite(found.direction).all()
        assert not found.direction[:-2].any()


@pytest.mark.parametrize("activation", ["tanh", "silu"])
@pytest.mark.parametrize("target_kl", [0.01, 0.3])
@pytest.mark.parametrize(("damping", "max_steps"), [(0.1, 5), (1.0, 40)])
def test_a_whole_update_of_trpo_against_the_reference(
    monkeypatch, activation, target_kl, damping, max_steps
):
    """Gradient, damped conjugate gradient, length and line search, from the algorithm's batch.

    Conjugate gradient magnifies roundings of F v with every step until it has converged: it is
    compared after a few steps, or where a large damping lets it converge. The step is then as exact
    as F v, but for a factor of the condition number: 1e-4 of its length.
    """
    policy = fastpg.MlpGaussian(3, 2, net_arch=[12, 7], activation_fn=activation, seed=1)
    theta = policy.theta + 0.3 * np.random.default_rng(0).normal(size=policy.shape)
    policy.theta = theta
    algo = fastpg.TRPO(
        policy, lambda: Aim(True, 2), n_envs=4, n_steps=100, seed=2, solver="cg",
        cg_max_steps=max_steps, cg_damping=damping, target_kl=target_kl, ent_coef=0.02,
        gamma=0.9, gae_lambda=0.9, line_search_shrinking_factor=0.5,
        max_step_size=None, normalize_advantage=True,
    )  # fmt: skip
    seen, estimate = [], algo.estimate
    monkeypatch.setattr(algo, "estimate", lambda r: seen.append(estimate(r)) or seen[-1])
    algo.learn(400)
    (batch,), (record,) = seen, algo.history
    case = mlp_cases.Case(policy, batch.phi, None, batch.actions, np.random.default_rng(0))
    case.theta = theta
    case.dist, case.jacobian = case.at(theta)
    a = (batch.advantages - batch.advantages.mean()) / (batch.advantages.std() + 1e-8)
    slopes = a[:, None] * case.scores(case.dist) + 0.02 * case.entropy_slopes
    g, f = mlp_cases.mean_back(case.jacobian, slopes), case.fisher(case.curvature)
    d = reference.natural_direction(lambda v: f @ v, g, damping * np.trace(f) / len(f), max_steps)
    eta = np.sqrt(2.0 * target_kl / (d @ f @ d))

    def objective(dist):
        ratio = np.exp(case.log_prob(dist) - case.log_prob(case.dist))
        return np.mean(ratio * a) + 0.02 * case.entropy(dist).mean()

    for backtracks in range(10):
        moved = theta + 0.5**backtracks * eta * d
        dist, _ = case.at(moved)
        kl = case.kl(case.dist, dist).mean()
        if kl <= target_kl and objective(dist) > objective(case.dist):
            break
    assert record["train/status"] == "accepted"
    assert record["train/backtracks"] == backtracks
    assert record["train/grad_norm"] == pytest.approx(np.linalg.norm(g), rel=1e-5)
    assert record["train/step_size"] == pytest.approx(eta, rel=1e-4)
    assert record["train/kl"] == pytest.approx(kl, rel=1e-3)
    assert_close(algo.policy.theta, moved, np.linalg.norm(moved - theta), 1e-4)


def of_every_method(batch, case, factorise):
    """What each method of a batch returns."""
    theta, dist, weights, v = case.theta, case.dist, case.weights, case.direction
    halves = np.where(np.arange(case.n) % 4 < 2, 1.0, -1.0)
    g = batch.score_gradient(theta, dist, weights)
    adam = Adam(len(theta))
    settings = fastpg.functional.solvers.ppo_settings(
        n_epochs=2, batch_size=1500, target_kl=10.0, max_grad_norm=0.5, ent_coef=0.01
    )
    yield batch.distribution(theta)
    yield g
    yield batch.score_gradient(theta, dist, weights, 0.1)
    yield batch.entropy_gradient(theta, dist)
    for sampled in (False, True):
        yield batch.fisher_vector_product(theta, dist, v, sampled)
        if factorise:
            yield batch.fisher(theta, dist, sampled)
        yield batch.natural_gradient(theta, dist, g, sampled, factorise, 10, 1e-9, 1e-2, g)
        yield from batch.natural_step(
            theta, weights, halves, True, 0.02, sampled, case.n // 3, factorise, 10, 1e-9, 1e-2
        )
    yield batch.compare(dist, theta + 0.01 * v, weights)
    yield batch.line_search(theta, 0.1 * g, dist, weights, 0.01, 0.01, 0.8, 10)
    yield batch.ppo_epochs(theta, weights, adam, 3, 0, None, settings)
    yield adam.mean
    yield adam.square


def flat_numbers(result):
    if isinstance(result, np.ndarray | str | float | int | None):
        return [result]
    return [number for part in result for number in flat_numbers(part)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hidden", [[5], [33, 17]])
def test_equal_bits_of_every_method_on_any_number_of_threads(rng, kind, hidden):
    case = mlp_cases.make(rng, kind, "silu", hidden, 4, KINDS[kind].example, 3000)
    factorise = hidden == [5]
    runs = [
        [flat_numbers(r) for r in of_every_method(batch_of(case, k), case, factorise)]
        for k in (1, 2, 3, 8)
    ]
    for other in runs[1:]:
        for one, two in zip(runs[0], other, strict=True):
            for found, expected in zip(two, one, strict=True):
                plain = isinstance(found, str | None)
                same = found == expected if plain else np.array_equal(found, expected, True)
                assert same


@pytest.mark.parametrize("box", [False, True])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_equal_bits_of_training_on_any_number_of_threads(name, box):
    options = {"n_envs": 8, "seed": 4, "policy_kwargs": {"net_arch": [17, 5]}} | samples(name, 40)
    one, *others = (
        ALGORITHMS[name]("mlp", lambda: Aim(box), num_threads=k, **options).learn(960)
        for k in (1, 2, 3, 8)
    )
    assert len(one.history) == 3
    for other in others:
        assert np.array_equal(other.policy.theta, one.policy.theta)
        assert untimed(other.history) == untimed(one.history)
