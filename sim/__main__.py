"""Make ``python -m sim`` the command ``smartport``."""

from sim.cli import main

if __name__ == "__main__":
    main()
