"""Accounts from a file: of `SEED_USERS_FILE` at each start, or of `manage.py import_accounts`."""
