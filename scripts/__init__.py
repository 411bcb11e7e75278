"""Entry points for people who work on the project."""
