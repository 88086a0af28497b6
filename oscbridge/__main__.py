"""``python -m oscbridge`` is the program ``oscbridge``."""

from oscbridge.cli import main

if __name__ == "__main__":
    main()
