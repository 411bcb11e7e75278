"""The container policy file: what it says, read and checked."""
