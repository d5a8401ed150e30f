"""What makes the browsable API usable by clicking. Imported only where `BROWSABLE_API` is on."""
