"""Training: data, augmentation, the loop and the evaluation, a page each."""
