-- SPDX-License-Identifier: GPL-2.0-or-later
-- The table that ims_release makes by itself, for who creates tables by hand.
CREATE TABLE ims_release (
    uid VARCHAR(32) NOT NULL PRIMARY KEY,
    node VARCHAR(255) NOT NULL,
    state VARCHAR(16) NOT NULL,
    created BIGINT NOT NULL,
    callid BLOB NOT NULL,
    from_tag BLOB NOT NULL,
    to_tag BLOB NOT NULL,
    impu BLOB NOT NULL,
    icid BLOB NOT NULL,
    record MEDIUMBLOB NOT NULL
);

INSERT INTO version (table_name, table_version) VALUES ('ims_release', 1);
