"""What can be wrong with a store before the service starts."""


class BadStoreUrl(ValueError):
    """A store's URL that cannot be meant; the message has the remedy, and never the URL itself."""


class StartRefused(Exception):
    """The service must not start on this; the message names the file and how to mend it.

    Raised while a store is opened or seeds are read. A store that merely cannot be reached
    is `StoreUnavailable`, which stops no start.
    """
