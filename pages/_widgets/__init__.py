"""The widgets of one page each."""
