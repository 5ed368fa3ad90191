# SPDX-License-Identifier: GPL-2.0-or-later
"""What `make bench` measures: a module for each figure, and what they share."""
