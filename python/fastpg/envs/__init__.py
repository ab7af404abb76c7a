"""Environments in C++ with Gymnasium's interface; the import registers them with Gymnasium."""

from fastpg.envs.catalogue import NAMESPACE, NATIVE, is_only_native, native_spec
from fastpg.envs.make import make_vec
from fastpg.envs.registration import register_native
from fastpg.envs.single import NativeEnv
from fastpg.envs.state import EnvState
from fastpg.envs.user_env import UserEnvironment, register_env
from fastpg.envs.vector import NativeVectorEnv
from fastpg.public_names import suggest_names

__all__ = [
    "NAMESPACE",
    "NATIVE",
    "EnvState",
    "NativeEnv",
    "NativeVectorEnv",
    "UserEnvironment",
    "is_only_native",
    "make_vec",
    "native_spec",
    "register_env",
]

register_native()

suggest_names(__name__)
