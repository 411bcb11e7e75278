"""The releases of a stack: what ran, kept with the stack itself, and the way back to one."""

from .model import NO_SCHEMA, Release, Releases, Schema
from .stack_releases import StackReleases

__all__ = ["NO_SCHEMA", "Release", "Releases", "Schema", "StackReleases"]
