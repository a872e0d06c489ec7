"""Sets that a plant never leaves, the inputs that keep it there, and certificates that a stranger can check."""
