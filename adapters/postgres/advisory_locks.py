"""Every advisory lock that coordinators take in PostgreSQL: two uses of one number would wait for each other.

A lock on tables is held while they are made, that on leadership for as long as a coordinator leads.
"""

from enum import IntEnum, unique


@unique
class AdvisoryLock(IntEnum):
    PROCESS_TABLES = 0x41524348
    LEADERSHIP = 0x41524349
    PAIRING_TABLES = 0x4152434A
    KEY_USE_TABLES = 0x4152434B
    SNAPSHOT_TABLES = 0x41524353
    ARCHIVE_TABLES = 0x41524354
    WEBHOOK_TABLES = 0x41524355
    TREE_TABLES = 0x41524356
