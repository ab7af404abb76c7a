"""The content of a file in each format."""

from __future__ import annotations

from fastpg.export.plan import Choices, Plan


def write(to: str, plan: Plan, name: str, *, action_mask: bool) -> bytes:
    """The content of the file.

    Args:
        to: "onnx", "c" or "numpy".
        plan: the policy.
        name: of what is in the file.
        action_mask: whether an ONNX file has this input.

    Raises:
        ValueError: a mask for a policy or format that takes none, or a file too large.
        ImportError: onnx is missing.
    """
    if action_mask and not (to == "onnx" and isinstance(plan.head, Choices)):
        raise ValueError(
            f"action_mask: allowed only with discrete actions and to='onnx', got a {plan.policy} "
            f"and to={to!r}"
        )
    if to == "onnx":
        from fastpg.export.onnx_file import onnx_file

        return onnx_file(plan, name, action_mask=action_mask)
    if to == "c":
        from fastpg.export.c_header import c_header

        return c_header(plan, name).encode()
    from fastpg.export.numpy_file import numpy_file

    return numpy_file(plan, name).encode()
