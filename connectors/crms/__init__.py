"""Customer databases, one folder each."""
