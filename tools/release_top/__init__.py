# SPDX-License-Identifier: GPL-2.0-or-later
"""ims_release_top: rpc asks Kamailio, shape is what it may answer, model is what there is
to see, draw makes lines of it, screen puts them on a terminal and takes keys."""
