"""`python -m settle`."""

from settle.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
