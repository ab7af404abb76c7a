"""Any file, as a checkpoint: python tests/fuzz_checkpoints.py FOLDER -max_total_time=3600.

Atheris, libFuzzer for Python, chooses what to change: pip install atheris. The folder keeps what
reached new lines of code. Files of this kind are read without it in test_fuzz_checkpoints.py.
"""

import contextlib
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

FEW = 4096  # steps, of an iteration that is tried
# After `resume` they are those of the environments, whose spaces may have other bounds or widths.
OF_ENVIRONMENTS = ("env", "env_id", "first_step", "observation_space", "action_space")


def predicts(algo):
    """A prediction is an action of the space, or a typed error."""
    algo.observation_space.seed(0)
    try:
        with np.errstate(all="ignore"):
            action = algo.predict(algo.observation_space.sample(), deterministic=True)[0]
    except (ValueError, RuntimeError, OverflowError):  # numbers beyond the range of float32
        return
    if np.asarray(action).dtype.kind == "f" and not np.isfinite(action).all():
        raise AssertionError(f"an action of {action}")


def same(one, other, but=()):
    (stored, meta), (others, other_meta) = one.state(), other.state()
    for key in meta.keys() - set(but):
        assert repr(meta[key]) == repr(other_meta[key]), key
    assert stored.keys() == others.keys()
    for name, array in stored.items():
        assert array.dtype == others[name].dtype, name
        assert array.tobytes() == others[name].tobytes(), name


def learns(algo):
    """One iteration of a resumed `learn`, if it is small; or a typed error."""
    options = algo.options
    samples = options.n_envs * (getattr(options, "n_steps", None) or FEW)
    epochs = getattr(options, "n_epochs", 1)
    if samples > FEW or epochs > 3 or algo.env is None or algo.plan is None:
        return
    with contextlib.suppress(ValueError, RuntimeError, OverflowError):
        algo.learn(callback=lambda _: False)


def read(content, folder):
    """What a file gives: "refused" or "valid". Anything else is an error of another type."""
    import fastpg
    from fastpg.policies.feature_choice import FeatureFunctionError

    path = Path(folder) / "x.npz"
    path.write_bytes(content)
    try:
        algo = fastpg.load(path)
    except (fastpg.CheckpointError, FeatureFunctionError):
        return "refused"
    again = algo.save(Path(folder) / "again.npz")
    same(algo, fastpg.load(again))
    predicts(algo)
    try:
        resumed = fastpg.resume(path)
    except (ValueError, TypeError):  # an environment that cannot be made, or a missing function
        return "valid"
    same(algo, resumed, but=OF_ENVIRONMENTS)
    learns(resumed)
    return "valid"


def quietly(content, folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read(content, folder)


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        raise SystemExit(f"usage: python {sys.argv[0]} FOLDER [options of libFuzzer]")
    import atheris

    with atheris.instrument_imports(include=["fastpg", "zipfile"]):
        import fastpg  # noqa: F401
        from checkpoint_changes import changed_content
        from checkpoint_files import contents

        with tempfile.TemporaryDirectory() as folder:
            for content in contents().values():  # what is imported late
                quietly(content, folder)

    def changed(data, max_size, seed):
        rng = np.random.default_rng(seed)
        with np.errstate(all="ignore"):
            return changed_content(data, rng)[:max_size]

    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(sys.argv[1])
        corpus.mkdir(exist_ok=True, parents=True)
        for name, content in contents().items():
            (corpus / name).write_bytes(content)
        arguments = [*sys.argv, "-max_len=100000", "-timeout=60", "-rss_limit_mb=4096"]
        atheris.Setup(arguments, lambda data: quietly(data, folder), custom_mutator=changed)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
