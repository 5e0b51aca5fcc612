"""Composition root: configuration, Django settings, ASGI routing."""
