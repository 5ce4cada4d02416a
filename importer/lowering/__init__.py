"""From exported programs to ExecuTorch programs: recipes, quantization, and rewrites of the graph."""
