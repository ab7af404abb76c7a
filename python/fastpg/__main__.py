"""`python -m fastpg` is the command `fastpg`."""

from fastpg.cli import main

main()
