#!/usr/bin/env python
"""Django's command line."""

import sys

from authproject.command_line import run_django_command

if __name__ == "__main__":
    run_django_command(sys.argv)
