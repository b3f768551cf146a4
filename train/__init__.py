"""Training: reblur-guided learning of the deblurring network and the defocus-map estimator."""
