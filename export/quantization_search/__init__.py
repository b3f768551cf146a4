"""The parts of the search for the best quantisation, which ``export.search`` runs."""
