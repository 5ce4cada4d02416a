"""The Model Context Protocol for a project without its engine: convert, inspect, compare and profile its models."""
