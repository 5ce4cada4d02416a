"""Layers written with other operators of the same result: faster ones, or ones that ExecuTorch computes rightly."""
