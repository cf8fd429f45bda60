"""The commands of `forensics`, a file for each kind; `__main__` puts them together."""
