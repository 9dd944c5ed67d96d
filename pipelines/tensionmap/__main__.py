"""``python -m tensionmap``: the command line, where no script folder is on the path."""

from tensionmap.cli import main

main(prog_name="tensionmap")
