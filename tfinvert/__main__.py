"""`python -m tfinvert`."""

from tfinvert.cli.main import main

main()
