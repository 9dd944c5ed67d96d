"""Places -> hot spots, with their doubt."""
