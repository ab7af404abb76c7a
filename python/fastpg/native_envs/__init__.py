"""Environments of users, in C++ or in Python compiled by Numba, and a check of them."""

from fastpg.native_envs.build import build_env
from fastpg.native_envs.check import EnvCheckError, Finding, check_native_env
from fastpg.native_envs.compiler import BuildError
from fastpg.native_envs.decorator import NumbaEnv, numba_env
from fastpg.native_envs.library import get_include, load_env
from fastpg.native_envs.reference import ReferenceEnv
from fastpg.native_envs.stream import Stream
from fastpg.public_names import suggest_names

__all__ = [
    "BuildError",
    "EnvCheckError",
    "Finding",
    "NumbaEnv",
    "ReferenceEnv",
    "Stream",
    "build_env",
    "check_native_env",
    "get_include",
    "load_env",
    "numba_env",
]

suggest_names(__name__)
