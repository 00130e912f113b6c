"""Sound in: bytes or a file -> mono float32 -> windows; and sounds this program synthesises."""
