"""The plan: the whole program recorded without an engine, and rendered for people, tests and Docker Compose."""

from .program import UnknownStackError, plan_stack
from .record import Plan, Resource, Secret, Values, fixed_values, record

__all__ = ["Plan", "Resource", "Secret", "UnknownStackError", "Values", "fixed_values", "plan_stack", "record"]
