"""One token of the configuration. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass, field

from oscbridge.access.rights import AccessRights

__all__ = ["AccessToken", "digest_of"]


def digest_of(secret: str) -> bytes:
    """The digest of a secret, which is compared in place of it."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


@dataclass(frozen=True)
class AccessToken:
    """A token: its secret gives its rights. The secret itself is not kept."""

    name: str
    digest: bytes = field(repr=False)
    """The digest of its secret: :func:`digest_of`."""
    rights: AccessRights
    fronts: Collection[str] | None = None
    """The names of the fronts where it is valid; None is all of them."""

    def is_valid_at(self, front: str) -> bool:
        """Whether it is valid at a front."""
        return self.fronts is None or front in self.fronts

    def has(self, digest: bytes) -> bool:
        """Whether this is the digest of its secret; takes the same time either way."""
        return hmac.compare_digest(self.digest, digest)
