"""What a change does to what runs: two plans of a stack compared, by the rules of Pulumi and its Docker provider."""

from .compared import Comparison
from .outcome import Fate
from .services import Kind
from .stock import LimitsChange
from .summary import Changes, changes_of

__all__ = ["Changes", "Comparison", "Fate", "Kind", "LimitsChange", "changes_of"]
