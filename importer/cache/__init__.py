"""The artifact cache, its key, and the files that the key covers."""
