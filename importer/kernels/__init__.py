"""Our own kernels for `torch.export`: operators with a PyTorch implementation beside the native one."""
