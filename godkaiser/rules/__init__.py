"""Rules: what they are, what they decide and why. Pure; knows nothing of safety."""
