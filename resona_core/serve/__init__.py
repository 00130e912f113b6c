"""The engine for other programs: over HTTP, and packed."""
