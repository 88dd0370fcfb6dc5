"""The database's schema as numbered changes, one file each in `versions/`, never edited once released.

A new one: copy the last file, raise its number, write `upgrade`, add the number here, and let
`tests/store/test_database.py` say whether the tables agree.
"""

#: In order. Kept here so that a start need not import Alembic when nothing is to be done.
REVISIONS = (
    "0001",
    "0002",
    "0003",
    "0004",
    "0005",
    "0006",
    "0007",
    "0008",
    "0009",
    "0010",
    "0011",
    "0012",
    "0013",
    "0014",
)
