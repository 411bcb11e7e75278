"""What can go wrong on the way of an image into a rollout."""


class SupplyChainError(Exception):
    """An image was refused, or could not be checked: what was found, where, and what to do."""


class ToolError(SupplyChainError):
    """A tool is missing, must not be used, or failed."""
