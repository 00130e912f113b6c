"""What the pages share: the router, the caches, the session's state, the widgets."""
