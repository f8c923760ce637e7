"""Adapters. This package imports nothing, so the core installs without drivers."""
