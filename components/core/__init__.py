"""What everything else stands on: names, labels, the engine, addresses, the container policy file."""
