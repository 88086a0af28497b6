"""The device profiles that come with the bridge, from their files."""

from __future__ import annotations

from oscbridge.contract.option_docs import option_docs
from oscbridge.profiles.library import TEMPLATE, shipped_profiles
from oscbridge.profiles.model import GroupOptions, KnownAddress, ProfileOptions
from oscbridge.profiles.profile import Profile, read_profile
from oscbridge_docs.markdown import code, paragraphs, table

__all__ = ["groups", "keys", "profiles"]


def profiles() -> str:
    """A table of all profiles."""
    rows = [
        (code(name), each.options.title, str(each.options.port or ""), f"{len(each.addresses):,}")
        for name, each in _shipped().items()
    ]
    return table(("profile", "devices", "port", "addresses"), rows)


def groups() -> str:
    """For each profile, where its addresses are from."""
    parts = []
    for name, each in _shipped().items():
        if name != TEMPLATE:
            rows = [(group.name, group.status, f"<{group.source}>") for group in each.options.group]
            head = ("group", "status", "source")
            parts.append(f"### `{name}`: {each.options.title}\n\n{table(head, rows)}")
    return "\n".join(parts)


def keys() -> str:
    """The keys of the file of a profile."""
    rows = []
    for prefix, model in (("", ProfileOptions), ("group.", GroupOptions)):
        rows += _rows(prefix, model)
    rows += _rows("group.addresses.", KnownAddress)
    return table(("key", "default", ""), rows)


def _rows(
    prefix: str, model: type[ProfileOptions | GroupOptions | KnownAddress]
) -> list[list[str]]:
    rows = []
    docs = option_docs(model)
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else "none"
        if not field.is_required() and isinstance(field.default, bool | int | float | str):
            default = code(repr(field.default).replace("'", '"'))
        rows.append([code(prefix + name), default, paragraphs(docs.get(name))])
    return rows


def _shipped() -> dict[str, Profile]:
    return {name: read_profile(path) for name, path in shipped_profiles().items()}
