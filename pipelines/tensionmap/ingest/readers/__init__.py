"""One file a format: each turns a raw file into rows of text under the names that ``incidents`` knows."""
