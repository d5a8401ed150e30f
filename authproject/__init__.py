"""The Django project that runs `accounts`. `accounts` never imports it."""

__version__ = "1.0.0"
