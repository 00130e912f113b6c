"""What hears: the front end, the residual network, its checkpoint, and what computes it."""
