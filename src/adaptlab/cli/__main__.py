"""`python -m adaptlab.cli`, as accelerate starts it in each process."""

from adaptlab.cli.app import main

main()
