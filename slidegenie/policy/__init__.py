"""The container policy: one readable file, what it gives to containers, and what it says about a plan or an engine."""

from components.core.policy import ContainerPolicy, Granted, Hardening, default_policy, load_policy

from .judge import PolicyResult, Undecided, Violation, judge

__all__ = [
    "ContainerPolicy",
    "Granted",
    "Hardening",
    "PolicyResult",
    "Undecided",
    "Violation",
    "default_policy",
    "judge",
    "load_policy",
]
