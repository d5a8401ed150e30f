"""The Django project that runs `accounts`. `accounts` never imports it."""

__version__ = "0.1.0"
