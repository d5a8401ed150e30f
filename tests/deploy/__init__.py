"""What is in deploy/, run for real."""
