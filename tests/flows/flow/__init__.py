# SPDX-License-Identifier: GPL-2.0-or-later
"""The call flows: a table, a model of it, scenarios made from it, and their checks."""
