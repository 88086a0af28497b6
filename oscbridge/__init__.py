"""A bridge from OSC (Open Sound Control) to other protocols, and back.

These are the public names, for plugins and programs. They are imported on first use, so a
program that only serves or sends OSC does not load the rest.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from oscbridge.public_names import HOMES

if TYPE_CHECKING:
    from oscbridge.access.control import AccessControl
    from oscbridge.access.grant import OPEN_ACCESS, AccessDenied, AccessGrant
    from oscbridge.access.requests import bearer_token, has_token_in_query
    from oscbridge.access.rights import AccessRights, AddressFilter, Right
    from oscbridge.address_space import (
        Access,
        AddressBook,
        AddressChange,
        AddressInfo,
        AddressNode,
        EndpointAddresses,
        KeptValue,
        KeptValues,
        ValueRange,
    )
    from oscbridge.bridge.config.captures import check_captures, check_template
    from oscbridge.bridge.config.secrets import File, Folder, Secret
    from oscbridge.child_process import child_environment
    from oscbridge.contract.abilities import (
        Coalescing,
        Consuming,
        DescribesControls,
        DescribesRoutes,
        Durability,
        FindsDevices,
        Guarded,
        KnowsAddresses,
        MustDeliver,
        Paced,
        PeerAware,
        Reconfigurable,
        RouteAware,
        Serving,
        SharesMedium,
        UsesAddresses,
    )
    from oscbridge.contract.control_facts import ControlFacts, ControlId, JoinedControl
    from oscbridge.contract.delivery import Delivery, RouteInfo
    from oscbridge.contract.endpoint import AnyEndpoint, Endpoint, EndpointTypes, OnStart, Policy
    from oscbridge.contract.hooks import hookimpl
    from oscbridge.contract.host import Host
    from oscbridge.contract.importing import ImportedFile, ImportedRule, Importer, Importers
    from oscbridge.contract.lease import GrantsLeases, Lease
    from oscbridge.contract.nearby_device import NearbyDevice
    from oscbridge.contract.options import Options
    from oscbridge.contract.source import RouteFunction, Routes, Sink, Source
    from oscbridge.discovery.discovery import Discovery
    from oscbridge.discovery.follower import ServiceFollower
    from oscbridge.discovery.handles import AnnouncedService, ServiceBrowser
    from oscbridge.discovery.names import check_service_name, default_service_name
    from oscbridge.discovery.requirement import check_discovery
    from oscbridge.discovery.services import DiscoveredService, ServiceAnnouncement
    from oscbridge.dispatch.dispatcher import Dispatcher
    from oscbridge.dispatch.forwarded_tag import ForwardedTag
    from oscbridge.dispatch.handler import ClientAddress
    from oscbridge.errors import (
        BackOff,
        BadMessage,
        ConfigurationError,
        DecodeError,
        DiscoveryUnavailable,
        EncodeError,
        EndpointError,
        ExpressionFailed,
        InputError,
        LimitError,
        MessageDropped,
        NotConnected,
        OSCBridgeError,
        OSCError,
        PartialDelivery,
        PatternError,
        PluginError,
        PoisonMessage,
    )
    from oscbridge.net.allowlist import AllowList
    from oscbridge.net.any_host import family_of_any_host, is_any_host, open_listening_socket
    from oscbridge.net.client_network import network_of
    from oscbridge.net.client_tls import client_tls_context, untrusted_certificate
    from oscbridge.net.host_name import (
        HostError,
        check_host,
        check_host_names,
        check_interface,
        check_origins,
        check_placeholder,
    )
    from oscbridge.net.hosts import HostPolicy, is_loopback
    from oscbridge.net.os_errors import what_failed
    from oscbridge.net.server_url import ServerURL
    from oscbridge.net.target_name import TargetName
    from oscbridge.net.tcp_socket import prepare_stream as prepare_tcp_socket
    from oscbridge.net.token_bucket import TokenBucket
    from oscbridge.net.udp_receive import receiver as udp_receiver
    from oscbridge.net.udp_socket import open_socket as open_udp_socket
    from oscbridge.net.unsent import UnsentMessages
    from oscbridge.net.url import OSCURL, HostPort
    from oscbridge.osc import (
        IMMEDIATELY,
        IMPULSE,
        MIDI,
        Argument,
        Bundle,
        Color,
        Impulse,
        Limits,
        Message,
        Origin,
        Packet,
        Pattern,
        Subject,
        TimeTag,
        decode_packet,
        encode_bundle,
        encode_message,
        encode_packet,
        infer,
        is_pattern,
        messages,
    )
    from oscbridge.osc.conversion import nearest_whole
    from oscbridge.osc.framing import decoder_for as stream_decoder
    from oscbridge.osc.json import decode_json, encode_json
    from oscbridge.osc.plain import (
        argument_converter,
        plain_float,
        plain_text,
        plain_values,
        shortest,
    )
    from oscbridge.osc.plain_payload import encode_plain_json, encode_plain_text, plain_arguments
    from oscbridge.osc.text import guess_value, is_number
    from oscbridge.profiles.profile import Profile
    from oscbridge.templates.expression import TemplateExpression
    from oscbridge.templates.message import MessageTemplate
    from oscbridge.templates.payload import EncodeRouted, placeholder_text, template_encoder
    from oscbridge.templates.placeholders import Placeholder, Template
    from oscbridge.toml_text import TomlTable, TomlValue, toml_table

__all__ = [
    "IMMEDIATELY",
    "IMPULSE",
    "MIDI",
    "OPEN_ACCESS",
    "OSCURL",
    "Access",
    "AccessControl",
    "AccessDenied",
    "AccessGrant",
    "AccessRights",
    "AddressBook",
    "AddressChange",
    "AddressFilter",
    "AddressInfo",
    "AddressNode",
    "AllowList",
    "AnnouncedService",
    "AnyEndpoint",
    "Argument",
    "BackOff",
    "BadMessage",
    "Bundle",
    "ClientAddress",
    "Coalescing",
    "Color",
    "ConfigurationError",
    "Consuming",
    "ControlFacts",
    "ControlId",
    "DecodeError",
    "Delivery",
    "DescribesControls",
    "DescribesRoutes",
    "DiscoveredService",
    "Discovery",
    "DiscoveryUnavailable",
    "Dispatcher",
    "Durability",
    "EncodeError",
    "EncodeRouted",
    "Endpoint",
    "EndpointAddresses",
    "EndpointError",
    "EndpointTypes",
    "ExpressionFailed",
    "File",
    "FindsDevices",
    "Folder",
    "ForwardedTag",
    "GrantsLeases",
    "Guarded",
    "Host",
    "HostError",
    "HostPolicy",
    "HostPort",
    "ImportedFile",
    "ImportedRule",
    "Importer",
    "Importers",
    "Impulse",
    "InputError",
    "JoinedControl",
    "KeptValue",
    "KeptValues",
    "KnowsAddresses",
    "Lease",
    "LimitError",
    "Limits",
    "Message",
    "MessageDropped",
    "MessageTemplate",
    "MustDeliver",
    "NearbyDevice",
    "NotConnected",
    "OSCBridgeError",
    "OSCError",
    "OnStart",
    "Options",
    "Origin",
    "Paced",
    "Packet",
    "PartialDelivery",
    "Pattern",
    "PatternError",
    "PeerAware",
    "Placeholder",
    "PluginError",
    "PoisonMessage",
    "Policy",
    "Profile",
    "Reconfigurable",
    "Right",
    "RouteAware",
    "RouteFunction",
    "RouteInfo",
    "Routes",
    "Secret",
    "ServerURL",
    "ServiceAnnouncement",
    "ServiceBrowser",
    "ServiceFollower",
    "Serving",
    "SharesMedium",
    "Sink",
    "Source",
    "Subject",
    "TargetName",
    "Template",
    "TemplateExpression",
    "TimeTag",
    "TokenBucket",
    "TomlTable",
    "TomlValue",
    "UnsentMessages",
    "UsesAddresses",
    "ValueRange",
    "argument_converter",
    "bearer_token",
    "check_captures",
    "check_discovery",
    "check_host",
    "check_host_names",
    "check_interface",
    "check_origins",
    "check_placeholder",
    "check_service_name",
    "check_template",
    "child_environment",
    "client_tls_context",
    "decode_json",
    "decode_packet",
    "default_service_name",
    "encode_bundle",
    "encode_json",
    "encode_message",
    "encode_packet",
    "encode_plain_json",
    "encode_plain_text",
    "family_of_any_host",
    "guess_value",
    "has_token_in_query",
    "hookimpl",
    "infer",
    "is_any_host",
    "is_loopback",
    "is_number",
    "is_pattern",
    "messages",
    "nearest_whole",
    "network_of",
    "open_listening_socket",
    "open_udp_socket",
    "placeholder_text",
    "plain_arguments",
    "plain_float",
    "plain_text",
    "plain_values",
    "prepare_tcp_socket",
    "shortest",
    "stream_decoder",
    "template_encoder",
    "toml_table",
    "udp_receiver",
    "untrusted_certificate",
    "what_failed",
]


def __getattr__(name: str) -> object:
    if (home := HOMES.get(name)) is None:
        return import_module("oscbridge.contract.deprecations").deprecated_name(name)
    module, attribute = home
    value = globals()[name] = getattr(import_module(module), attribute)  # found at once next time
    return value


def __dir__() -> list[str]:
    return __all__
