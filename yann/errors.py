"""What a network refuses."""


class NetworkError(ValueError):
    """A network got, or would be built from, something that it cannot represent exactly."""
