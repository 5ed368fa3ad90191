# SPDX-License-Identifier: GPL-2.0-or-later
"""The rig of the end-to-end tests. tests/e2e/README.md says how to write a case."""
