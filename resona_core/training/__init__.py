"""Training: data, augmentation, the loop and the examination, a page each."""
