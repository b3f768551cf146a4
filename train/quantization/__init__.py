"""Fine-tuning for int8: simulated quantisation, what stays float, and the weights beside a checkpoint."""
