"""The plan as a Docker Compose project, and stacks that Compose carries out."""
