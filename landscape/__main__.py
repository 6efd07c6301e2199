"""``python -m landscape``: the command line."""

from landscape.cli import app

if __name__ == "__main__":
    app(prog_name="landscape")
