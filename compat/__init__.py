"""What a torch module is made of, beyond OneFlow: overlays, tensor methods, kernels, manifests."""
