"""Coverage-guided fuzzing of what reads files and bytes of others."""
