"""Input that could make C++ access memory out of bounds."""

import copy
import pickle

import numpy as np
import pytest

import fastpg
from fastpg import _core


def test_a_reused_array_that_points_elsewhere_is_not_written_to():
    env = fastpg.make_vec("CartPole-v1", 1000, copy=False)
    env.reset(seed=0)
    kept = env.step(np.zeros(1000, int))[0]
    kept.__setstate__((1, (1,), np.dtype("f4"), False, b"\0\0\0\0"))
    for _ in range(5):
        observations = env.step(np.zeros(1000, int))[0]
        assert observations.shape == (1000, 4)
    assert kept.shape == (1,)
    assert env.step(np.zeros(1000, int))[0] is observations


def test_a_reused_array_made_read_only_is_replaced():
    env = fastpg.make_vec("CartPole-v1", 2, copy=False)
    env.reset(seed=0)
    kept = env.step([0, 0])[0]
    kept.flags.writeable = False
    before = kept.copy()
    assert not np.array_equal(env.step([1, 1])[0], before)
    assert np.array_equal(kept, before)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of later versions of NumPy
def test_a_reused_array_of_another_shape_or_dtype_is_replaced():
    env = fastpg.make_vec("CartPole-v1", 3, copy=False)
    env.reset(seed=0)
    for change, value in (("shape", (12,)), ("dtype", np.int32)):
        setattr(env.step([0, 0, 0])[0], change, value)
        observations = env.step([0, 0, 0])[0]
        assert (observations.shape, observations.dtype) == ((3, 4), np.float32)
        assert observations.flags.c_contiguous


class Converted:
    """An argument whose conversion runs a function first."""

    def __init__(self, run, value):
        self.run, self.value = run, value

    def __array__(self, *args, **kwargs):
        self.run()
        return self.value


def shrink(array):
    array.resize((1,) * array.ndim, refcheck=False)


def narrow(array):
    """The rows and the address stay, the end of the memory goes."""
    array.resize(*array.shape[:-1], array.shape[-1] // 2, refcheck=False)


@pytest.mark.parametrize("change", [shrink, narrow])
def test_a_batch_notices_that_its_arrays_were_resized(change):
    policy = fastpg.LinearSoftmax(4, 3)
    phi = np.random.default_rng(0).random((2000, policy.n_features))
    dist = policy.distribution(phi)
    with pytest.raises(ValueError, match="phi: expected the array that the batch was made with"):
        policy.entropy_gradient(phi, Converted(lambda: change(phi), dist))

    def batch_of(name):
        given = {
            "phi": np.ones((100, 5)), "actions": np.zeros((100, 2), np.int32),
            "mask": np.ones((100, 4), bool),
        }  # fmt: skip
        made = _core.PolicyBatch(_core.Categorical([2, 2]), _core.Linear(5, 4), **given)
        change(given[name])
        return made

    for name in ("phi", "actions", "mask"):
        with pytest.raises(ValueError, match=f"{name}: expected the array that the batch"):
            batch_of(name).distribution(np.zeros(20))
    network = _core.Mlp(5, [4], 1, _core.Activation.tanh)
    for name in ("inputs", "targets"):
        given = {"inputs": np.ones((100, 5)), "targets": np.ones(100)}
        values = _core.ValueBatch(network, **given)
        change(given[name])
        with pytest.raises(ValueError, match=f"{name}: expected the array that the batch"):
            values.values(np.zeros(network.parameters))


def test_the_features_of_a_batch_cannot_be_resized():
    batch = fastpg.LinearSoftmax(4, 3).batch(np.ones((200, 5)))
    with pytest.raises(ValueError, match="does not own its data"):
        batch.phi.resize((1, 1), refcheck=False)
    with pytest.raises(ValueError, match="read-only"):
        batch.phi[0] = 0.0
    assert batch.phi.shape == (200, 5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of later versions of NumPy
def test_a_rollout_reshaped_while_weights_are_converted_is_refused():
    env = fastpg.make_vec("CartPole-v1", 2)
    rollout = vars(fastpg.collect(env, fastpg.LinearSoftmax(4, 2), n_steps=50, seed=0))
    fields = {name: value for name, value in rollout.items() if isinstance(value, np.ndarray)}
    first = np.zeros((1, 4), np.float32), np.zeros(1, np.int64), False
    size = _core.value_features(*first).shape[1]

    def reshape():
        fields["rewards"].shape = (1, 100)

    weights = Converted(reshape, np.ones(size))
    with pytest.raises(ValueError, match="expected size 1, got 50"):
        _core.estimate(fields, weights, False, 0.9, 0.9, False, 1)


CLASSES = [value for value in vars(_core).values() if isinstance(value, type)]
SEALED = [kind for kind in CLASSES if "__init__" in vars(kind)]


@pytest.mark.parametrize("kind", SEALED, ids=lambda kind: kind.__name__)
def test_classes_of_the_core_have_no_subclass(kind):
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Mine", (kind,), {})
    with pytest.raises(TypeError, match="immutable type"):
        kind.mine = 1


def test_the_class_of_an_object_stays():
    adam = _core.Adam(3)
    with pytest.raises(TypeError, match="__class__ assignment"):
        adam.__class__ = _core.VectorEnv


def misaligned(values, dtype):
    flat = np.asarray(values, dtype=dtype)
    memory = np.zeros(flat.nbytes + 1, np.uint8)
    out = memory[1:].view(dtype).reshape(flat.shape)
    out[...] = flat
    assert not out.flags.aligned
    return out


def test_misaligned_arrays_are_read():
    one, other = (fastpg.make_vec("CartPole-v1", 3) for _ in range(2))
    one.reset(seed=0), other.reset(seed=0)
    states = np.linspace(-0.04, 0.04, 12).reshape(3, 4)
    one.set_state(states)
    other.set_state(misaligned(states, np.float64))
    actions = [0, 1, 1]
    expected = one.step(np.array(actions))
    found = other.step(misaligned(actions, np.int64))
    assert np.array_equal(expected[0], found[0])
    pendulum = fastpg.make_vec("Pendulum-v1", 2)
    pendulum.reset(seed=0)
    pendulum.step(misaligned([[0.5], [1.0]], np.float64))


def test_flags_of_any_byte_are_flags():
    env = fastpg.make_vec("CartPole-v1", 3, autoreset_mode="Disabled")
    before = env.reset(seed=0)[0]
    mask = np.array([2, 0, 255], np.uint8).view(bool)
    after = env.reset(options={"reset_mask": mask})[0]
    assert (before != after).any(axis=1).tolist() == [True, False, True]


def test_counters_cannot_overflow():
    env = fastpg.make_vec("CartPole-v1", 2)
    env.reset(seed=0)
    snapshot = env.native.snapshot()
    with pytest.raises(ValueError, match="elapsed_steps: expected numbers in"):
        env.native.restore(**snapshot | {"elapsed_steps": np.array([2**63 - 1] * 2)})


def test_what_is_not_finite_is_copied_and_not_set():
    env = fastpg.make_vec("CartPole-v1", 2, force_mag=1.7e308)
    env.reset(seed=0)
    env.step(np.ones(2, np.int64))
    assert not np.isfinite(env.get_state().states).all()
    for again in (pickle.loads(pickle.dumps(env)), copy.deepcopy(env)):
        assert np.array_equal(again.get_state().states, env.get_state().states, equal_nan=True)
    with pytest.raises(ValueError, match="expected finite"):
        env.set_state(env.get_state())


def test_generators_given_before_the_first_reset_are_used():
    env = fastpg.make_vec("CartPole-v1", 2)
    env.np_random = [np.random.default_rng(7), np.random.default_rng(8)]
    expected = np.random.default_rng(7).uniform(-0.05, 0.05, 4).astype(np.float32)
    assert np.array_equal(env.reset()[0][0], expected)


def test_a_callable_makes_an_environment():
    for made in (3, fastpg.make_vec("CartPole-v1", 2)):
        with pytest.raises(TypeError, match=r"env: expected the callable to make a gymnasium\.Env"):
            fastpg.train("npg", lambda made=made: made, total_timesteps=100)


def test_large_angles_of_acrobot_turn_by_turn():
    from lockstep import sync

    theirs, ours = sync("Acrobot-v1", 4), fastpg.make_vec("Acrobot-v1", 4)
    for env in (theirs, ours):
        env.set_attr("dt", 2.0)
        env.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(3):  # then even further
        actions = rng.integers(0, 3, 4)
        assert np.array_equal(theirs.step(actions)[0], ours.step(actions)[0])


METHODS = [
    (kind, name)
    for kind in CLASSES
    for name, value in vars(kind).items()
    if isinstance(value, property) or type(value).__name__ == "instancemethod"
]


@pytest.mark.parametrize(
    ("kind", "name"), METHODS, ids=lambda part: getattr(part, "__name__", part)
)
def test_no_method_takes_none_for_its_object(kind, name):
    method = vars(kind)[name]
    for count in range(4):
        call = method.fget if isinstance(method, property) else getattr(kind, name)
        with pytest.raises(TypeError):
            call(*(None,) * (1 if isinstance(method, property) else count + 1))


def test_types_of_the_binding_library_cannot_be_instantiated():
    base, record = _core.Adam.__mro__[-2], type(_core.gae.__self__)
    for make in (base, type("Mine", (base,), {}), record, lambda: record.__new__(record)):
        with pytest.raises(TypeError):
            make()
    _core.gae.__self__.__init__()
    for protocol in (0, 1):
        with pytest.raises(TypeError):
            pickle.dumps(_core.FeatureMap.identity(2, True), protocol)
    assert _core.FeatureMap.identity(2, True).size == 4
