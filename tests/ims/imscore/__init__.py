# SPDX-License-Identifier: GPL-2.0-or-later
"""The IMS core of cfg/ims, started and looked at: used by its tests and its demo."""
