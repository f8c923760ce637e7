"""Who may come in and what they may do. Pure: the time and the entropy are arguments."""
