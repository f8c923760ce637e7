"""The words of the field. Nothing here does anything."""
