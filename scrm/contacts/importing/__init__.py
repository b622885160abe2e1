"""People from files: upload, look, map the columns, try without effect, run in the background, see what happened, take it back."""
