"""Composition and operations: settings, URLs, logs, health. `accounts` never imports it."""

__version__ = "0.1.0"
