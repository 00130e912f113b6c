"""From a dataset on disk to clips in memory."""
