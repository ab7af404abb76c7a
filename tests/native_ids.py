"""The native environments of fastpg."""

from fastpg.envs import NATIVE

_OWN = [spec for spec in NATIVE.values() if not spec.environment.from_user]
# One id of each, with the highest version.
NEWEST = tuple({type(spec.environment): spec.id for spec in _OWN}.values())
