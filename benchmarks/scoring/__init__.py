"""Figures that are no plain times: shares of the machine's peaks, quality of files, of refocusing, of alignment."""
