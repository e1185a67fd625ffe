"""Devices for all tests of the trainer, before any of its modules is collected."""

from tests import support

support.two_devices()
