"""What the tool asks of a Docker engine."""
