"""What can go wrong with the store, and what the caller should answer.

StoreError
├── StoreUnavailable   busy, unreachable or failing          503 with Retry-After
│   └── StoreReadOnly  may be read but not written           503 with Retry-After
├── StoreFull          no room left on the disk              507
│   └── QuotaReached   a client sent more feedback in a day than it may   507
└── BadStore           must not be used as it is: start-up stops with the message
    ├── NetworkFileSystem
    ├── SchemaBehind
    ├── SchemaNewer
    ├── MissingKeys
    └── WrongKeys

No message holds anything from a request or from a database library.
"""

from __future__ import annotations

from typing import ClassVar


class StoreError(Exception):
    """Base of all faults of the store. `status` is the HTTP status that tells the client."""

    status: ClassVar[int] = 503


class StoreUnavailable(StoreError):
    """The store did not answer in time. Nothing of the call was kept; the same call may be sent again."""


class StoreReadOnly(StoreUnavailable):
    """The store can be read but not written. Nothing of the call was kept."""


class StoreFull(StoreError):
    """There is no room left. Nothing of the call was kept."""

    status = 507


class QuotaReached(StoreFull):
    """The client has sent as much feedback today as it may. Nothing of the call was kept."""


class BadStore(StoreError):
    """The store must not be used as it is; the message says what to change."""


class NetworkFileSystem(BadStore):
    """SQLite's write-ahead log does not work over a network file system."""


class SchemaBehind(BadStore):
    """The schema is older than this program."""


class SchemaNewer(BadStore):
    """The schema was made by a newer program."""


class MissingKeys(BadStore):
    """The keys that the store was written with are not there."""


class WrongKeys(BadStore):
    """The store was written with other keys."""
