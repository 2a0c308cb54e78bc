"""The data sets, one a file with a function `load`."""
