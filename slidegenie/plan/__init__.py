"""The plan: the whole program recorded without an engine, and rendered for people, tests and Docker Compose."""

from .program import StackProgram, UnknownStackError
from .record import Plan, Resource, Secret, Values, fixed_values, record

__all__ = ["Plan", "Resource", "Secret", "StackProgram", "UnknownStackError", "Values", "fixed_values", "record"]
