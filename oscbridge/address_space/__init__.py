"""Facts about OSC addresses: types, ranges, access and meaning. Pure."""

from __future__ import annotations

from oscbridge.address_space.address_book import AddressBook
from oscbridge.address_space.address_tree import AddressNode
from oscbridge.address_space.changes import AddressChange
from oscbridge.address_space.endpoint_addresses import EndpointAddresses
from oscbridge.address_space.info import Access, AddressInfo, ValueRange
from oscbridge.address_space.info_json import json_of
from oscbridge.address_space.kept_values import KeptValue, KeptValues
from oscbridge.address_space.merging import AddressOrigin

__all__ = [
    "Access",
    "AddressBook",
    "AddressChange",
    "AddressInfo",
    "AddressNode",
    "AddressOrigin",
    "EndpointAddresses",
    "KeptValue",
    "KeptValues",
    "ValueRange",
    "json_of",
]
