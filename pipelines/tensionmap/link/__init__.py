"""Tables -> places that can be compared."""
