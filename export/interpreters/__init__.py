"""Execute saved files of formats whose runtimes are not on every machine."""
