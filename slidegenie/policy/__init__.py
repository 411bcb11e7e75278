"""The container policy: one readable file, what it gives to containers, and what it says about a plan or an engine."""
