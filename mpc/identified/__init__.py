"""Linear models from records of inputs and measurements."""
