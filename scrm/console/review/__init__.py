"""Where supervisors decide who is one person, and which of two values is right. Made for hours of work by keyboard."""
