"""The error family of studies, figures and reports."""


class StudyError(ValueError):
    """A study, a figure or a report was asked for something that does not fit together."""
