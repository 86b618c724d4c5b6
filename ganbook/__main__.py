"""`python -m ganbook`."""

from ganbook.cli import app

if __name__ == "__main__":
    app()
