"""From modules to exported programs: torch.export, TorchScript, and recurrent layers."""
