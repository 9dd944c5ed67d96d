"""From incident reports to a map that both sides of a border can talk over."""

__version__ = "0.1.0"
