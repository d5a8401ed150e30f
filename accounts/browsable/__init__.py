"""Login by cookie and HTML forms for DRF's browsable API; used only if `BROWSABLE_API` is on."""
