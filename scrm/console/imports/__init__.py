"""Screens for files of people that come in and go out."""
