"""What a network costs: parameters, FLOPs, activations, in all and layer by layer."""
