"""Errors of devices and workers, for modules that import no TensorFlow."""


class DeviceError(ValueError):
    """The devices that a strategy needs are not there."""


class LostWorkerError(RuntimeError):
    """Another worker of the run ended or gave no sign of life; nothing can continue without it."""
