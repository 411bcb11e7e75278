"""The sections of the settings of a stack, one file each."""
