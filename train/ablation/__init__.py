"""The comparison that ``train.ablate`` runs."""
