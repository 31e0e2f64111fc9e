"""Data: a cartoon generator that knows everything of what it draws, and readers of recorded sets."""
