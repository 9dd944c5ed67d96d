"""What may be seen -> maps."""
