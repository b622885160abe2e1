"""What runs in the background for this app."""
