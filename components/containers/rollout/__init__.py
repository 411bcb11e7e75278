"""What a rollout does around the provider's work: before a container is made, when that fails, and at the end."""
