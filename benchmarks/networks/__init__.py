"""Published deblurring networks, built from their papers, to be timed beside ours; their weights are random."""
