"""The plant's own equations over the horizon: the reference for every other controller."""
