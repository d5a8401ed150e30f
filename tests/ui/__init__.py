"""The pages, and the JavaScript client, in a real browser."""
