"""Fault tests: real processes, killed for real, counted from the platform's side.

The short forms run with the suite. The long ones are modules: `python -m tests.faults.chaos --help`, or all of them with
`python -m tests.faults`.
"""
