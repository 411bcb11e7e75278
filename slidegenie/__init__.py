"""The operator's commands. `make up` and its siblings are one line each that calls `python -m slidegenie`."""
