"""Environments of users as native ones: from a C++ header, or from a compiled library."""

from fastpg.native_envs.build import build_env
from fastpg.native_envs.compiler import BuildError
from fastpg.native_envs.library import get_include, load_env

__all__ = ["BuildError", "build_env", "get_include", "load_env"]
