"""Messages for clients are joined to bundles that the same clients get."""

from __future__ import annotations

from oscbridge import Message, TimeTag, encode_bundle, encode_message
from oscbridge.bridge.clients.outgoing import Outgoing
from oscbridge.bridge.clients.outgoing_bundles import OutgoingBundles
from oscbridge.dispatch.forwarded_tag import ForwardedTag
from oscbridge.net.socket_address import ClientAddress

A, B, C = (encode_message(Message.of(address)) for address in ("/a", "/b", "/c"))
TAG = TimeTag(1 << 40)
ONE: ClientAddress = ("10.0.0.1", 9_000)
OTHER: ClientAddress = ("10.0.0.2", 9_000)


def test_messages_of_one_bundle_are_joined_and_others_are_not() -> None:
    tag, again = ForwardedTag.of(TAG), ForwardedTag.of(TAG)
    bundles = OutgoingBundles(1_000)
    bundles.add(Outgoing(A), tag)
    bundles.packets.append(Outgoing(B))
    bundles.add(Outgoing(C), tag)
    bundles.add(Outgoing(B), again)
    packets = [each.packet for each in bundles.close()]
    assert packets == [encode_bundle([A, C], TAG), B, encode_bundle([B], TAG)]


def test_messages_for_other_clients_are_a_bundle_of_their_own() -> None:
    tag = ForwardedTag.of(TAG)
    bundles = OutgoingBundles(1_000)
    bundles.add(Outgoing(A, ONE), tag)
    bundles.add(Outgoing(B, ONE, [OTHER]), tag)
    bundles.add(Outgoing(C, ONE), tag)
    assert bundles.close() == [
        Outgoing(encode_bundle([A, C], TAG), ONE, None),
        Outgoing(encode_bundle([B], TAG), ONE, [OTHER]),
    ]


def test_bundle_is_split_at_the_largest_size() -> None:
    tag = ForwardedTag.of(TAG)
    size = len(encode_bundle([A, B], TAG))
    bundles = OutgoingBundles(size)
    for packet in (A, B, C):
        bundles.add(Outgoing(packet), tag)
    packets = [each.packet for each in bundles.close()]
    assert packets == [encode_bundle([A, B], TAG), encode_bundle([C], TAG)]


def test_message_that_fits_only_without_a_bundle_is_sent_without() -> None:
    bundles = OutgoingBundles(len(A))
    bundles.add(Outgoing(A), ForwardedTag.of(TAG))
    assert [each.packet for each in bundles.close()] == [A]
