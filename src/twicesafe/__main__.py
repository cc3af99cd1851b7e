"""`python -m twicesafe`."""

from .cli import main

main()
