"""Reports: one file each. This app only reads; every figure leads to the rows behind it."""
