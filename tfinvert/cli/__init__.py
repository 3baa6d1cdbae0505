"""The commands: `tfinvert COMMAND`, `python -m tfinvert COMMAND`, and `python bin/COMMAND.py` in a clone.

`main.py` finds the command, `start.py` is how each begins and ends, `flags.py` makes flags of settings. Each command is
a module with its own flags, so that only one of them is imported in a process.
"""
