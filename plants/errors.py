"""What a plant refuses."""


class PlantError(ValueError):
    """A plant, its cost or a simulation of it got something that it cannot honestly use."""
