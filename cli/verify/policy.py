"""The policy that the options of `verify` state."""

from __future__ import annotations

from actgrad.cli.options import range_of
from actgrad.layers import Policy, PolicyError

#: The option that sets each field of a policy.
OPTIONS = {
    "max_ulp": "--max-ulp",
    "max_abs": "--max-abs",
    "max_rel": "--max-rel",
    "within": "--range",
    "like": "--like",
    "overflow": "--overflow",
}


def stated_policy(policy: Policy, within: str | None) -> Policy:
    """The policy with the range `within`, LOW:HIGH, checked; an error names the option.

    Raises:
        PolicyError: the range is none, or the policy is refused.
    """
    span = None if within is None else range_of(within)
    if within is not None and span is None:
        raise PolicyError(OPTIONS["within"], f"{within} is not LOW:HIGH", "such as --range -3:3")
    try:
        return policy._replace(within=span).checked()
    except PolicyError as error:
        raise PolicyError(OPTIONS[error.field], error.problem) from None
