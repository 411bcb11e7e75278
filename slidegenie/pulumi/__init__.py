"""Stacks that Pulumi carries out."""
