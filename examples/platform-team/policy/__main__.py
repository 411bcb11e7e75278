"""The platform's container policy for the reports team's stack; its settings are under `reports:policy`."""

from slidegenie_platform.policy.pack import serve

serve()
