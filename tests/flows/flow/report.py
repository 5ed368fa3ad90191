# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of all flows, gathered from the tests."""

from .run import Run  # noqa: F401


class Report:
    def __init__(self, config):
        self.config = config
