"""Device profiles as text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from oscbridge.errors import ConfigurationError
from oscbridge.profiles.library import find_profile, shipped_profiles
from oscbridge.profiles.model import GroupOptions, KnownAddress
from oscbridge.profiles.profile import Profile, read_profile

__all__ = ["profile_lines", "profile_list", "summary"]


def profile_list() -> Iterator[str]:
    """The shipped profiles, one per line."""
    profiles = [read_profile(path) for path in shipped_profiles().values()]
    width = max(len(each.name) for each in profiles)
    for each in profiles:
        name = click.style(f"{each.name:{width}}", bold=True)
        yield f"{name}  {each.options.title} ({_count(len(each.addresses))})"


def profile_lines(name: str) -> Iterator[str]:
    """All that a profile knows: one that is shipped, or a file.

    Raises :class:`ConfigurationError`.
    """
    try:
        return _lines(read_profile(find_profile(name, Path())))
    except ValueError as error:
        raise ConfigurationError(f"{name}: {error}") from None


def summary(file: Path) -> str:
    """How many addresses and groups the profile of a file has.

    Raises :class:`ConfigurationError` if it is not valid.
    """
    profile = read_profile(file)
    return f"{_count(len(profile.addresses))} in {_groups(profile)}"


def _count(number: int) -> str:
    return f"{number:,} address{'' if number == 1 else 'es'}"


def _groups(profile: Profile) -> str:
    number = len(profile.options.group)
    return f"{number} group{'' if number == 1 else 's'}"


def _lines(profile: Profile) -> Iterator[str]:
    options = profile.options
    yield f"{click.style(options.title, bold=True)}  {_count(len(profile.addresses))}"
    yield f"  file        {profile.path}"
    facts = {
        "port": options.port and f"{options.port} ({options.transport})",
        "replies to": options.reply_port and f"port {options.reply_port}",
        "keepalive": options.keepalive
        and f"{options.keepalive.send} every {options.keepalive.every:g} s",
        "probe": options.probe and f"{options.probe.send} every {options.probe.every:g} s",
        "login": options.login and f"{options.login.send} with the passcode",
        "asks for": "\n              ".join(options.sync),
    }
    for label, fact in facts.items():
        if fact:
            yield f"  {label:11} {fact}"
    for note in options.notes:
        yield from _wrapped(f"  note        {note}")
    for group in options.group:
        yield ""
        yield from _group_lines(group)


def _group_lines(group: GroupOptions) -> Iterator[str]:
    yield f"{click.style(group.name, bold=True)}  {click.style(group.status, fg='cyan')}"
    yield from _wrapped(f"  source: {group.source}", 10)
    width = max((len(each.address) for each in group.addresses), default=0)
    for each in group.addresses:
        address = click.style(f"{each.address:{min(width, 46)}}", fg="cyan")
        yield f"  {address}  {each.types or '-':4}  {_facts(each)}".rstrip()


def _facts(entry: KnownAddress) -> str:
    parts = []
    if entry.access != "both":
        parts.append(f"{entry.access} only")
    if entry.choices:
        parts.append(" | ".join(map(str, entry.choices)))
    parts += [f"{low:g} to {high:g}" for low, high in entry.range]
    parts += [each for each in (entry.curve or entry.unit, entry.description) if each]
    return "; ".join(parts)


def _wrapped(text: str, indent: int = 14) -> Iterator[str]:
    yield from click.wrap_text(text, 100, subsequent_indent=" " * indent).splitlines()
