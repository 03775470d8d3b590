"""Exceptions of the store, with the HTTP status that each maps to.

StoreError
├── StoreUnavailable   busy, unreachable or failing          503 with Retry-After
│   ├── StoreBusy      somebody else holds a lock            503 with Retry-After
│   ├── StoreSlow      no answer in the time there was       503 with Retry-After
│   └── StoreReadOnly  may be read but not written           503 with Retry-After
├── StoreFull          no room left on the disk              507
│   └── QuotaReached   a client sent more feedback in a day than it may   507
└── BadStore           must not be used as it is; start-up stops with the message
    ├── NetworkFileSystem
    ├── SchemaBehind
    ├── SchemaNewer
    ├── MissingStore
    ├── MissingKeys
    ├── WrongKeys
    └── AccessRefused   also a StoreUnavailable, since a server may refuse later what it accepted

No message contains anything from a request or from a database library.
"""

from __future__ import annotations

from typing import ClassVar


class StoreError(Exception):
    """Base class of all store exceptions; `status` is the HTTP status of the response."""

    status: ClassVar[int] = 503

    @property
    def reason(self) -> str:
        """Return the message for the log; the caller of the service is not told."""
        return str(self)


class StoreUnavailable(StoreError):
    """The store did not answer in time. Nothing of the call was stored; it may be repeated."""


class StoreBusy(StoreUnavailable):
    """Somebody else held a lock for too long. Nothing of the call was stored."""


class StoreSlow(StoreUnavailable):
    """The store did not answer in the time there was, which does not tell whether it is there."""


class StoreReadOnly(StoreUnavailable):
    """The store can be read but not written. Nothing of the call was stored."""


class StoreFull(StoreError):
    """The disk is full. Nothing of the call was stored."""

    status = 507


class QuotaReached(StoreFull):
    """The client has reached its daily quota of feedback. Nothing of the call was stored."""


class BadStore(StoreError):
    """The store must not be used as it is; the message says what to change."""


class NetworkFileSystem(BadStore):
    """SQLite's write-ahead log does not work over a network file system."""


class SchemaBehind(BadStore):
    """The schema is older than this program."""


class SchemaNewer(BadStore):
    """The schema is newer than this program."""


class MissingStore(BadStore):
    """There is no store where one was to be read."""


class MissingKeys(BadStore):
    """The keys that the store was encrypted with are missing."""


class WrongKeys(BadStore):
    """The store was encrypted with other keys."""


class AccessRefused(BadStore, StoreUnavailable):
    """The server of the store refuses the user, the password, the database or the encryption of the address."""
