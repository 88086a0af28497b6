"""One token of the configuration. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from oscbridge.access.rights import AccessRights

__all__ = ["AccessToken", "digest_of", "token_changes"]


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


def token_changes(
    old: Iterable[AccessToken], new: Iterable[AccessToken]
) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    """The tokens that were added, removed and changed: ``token.NAME``."""
    before = {f"token.{each.name}": each for each in old}
    after = {f"token.{each.name}": each for each in new}
    return (
        [name for name in after if name not in before],
        [name for name in before if name not in after],
        [name for name, each in after.items() if before.get(name, each) != each],
    )
