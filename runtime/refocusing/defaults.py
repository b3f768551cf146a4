"""What a command's help names without loading what uses it."""

from __future__ import annotations

REFERENCE_F_NUMBER = 2.0
"""At this f-number differences in blur are those of the photograph."""
WORKING_LONG_SIDE_PX = 1024
"""Longest side at which a photograph is analysed, and of the result, unless another is asked for."""
INVERSE, DISTANCE = "inverse", "metres"
DEPTH_UNITS = (INVERSE, DISTANCE)
"""What the numbers of a depth file are: even in 1 / distance and larger when near, or the distance."""
GAUSSIAN, DISC = "gaussian", "disc"
BOKEH = (GAUSSIAN, DISC)
"""What lights out of focus become: what all else becomes, too, or even discs."""
