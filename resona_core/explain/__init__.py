"""What a layer and its channels say of an answer."""
