"""A bridge from OSC (Open Sound Control) to other protocols, and back.

These are the public names, for plugins and programs. They are imported on first use, so a
program that only serves or sends OSC does not load the rest.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from oscbridge.public_names import HOMES

if TYPE_CHECKING:
    # With "as" they are public for type checkers, which cannot read ``__all__`` below.
    from oscbridge.access.control import AccessControl as AccessControl
    from oscbridge.access.grant import OPEN_ACCESS as OPEN_ACCESS
    from oscbridge.access.grant import AccessDenied as AccessDenied
    from oscbridge.access.grant import AccessGrant as AccessGrant
    from oscbridge.access.requests import bearer_token as bearer_token
    from oscbridge.access.requests import has_token_in_query as has_token_in_query
    from oscbridge.access.rights import AccessRights as AccessRights
    from oscbridge.access.rights import AddressFilter as AddressFilter
    from oscbridge.access.rights import Right as Right
    from oscbridge.address_space import Access as Access
    from oscbridge.address_space import AddressBook as AddressBook
    from oscbridge.address_space import AddressChange as AddressChange
    from oscbridge.address_space import AddressInfo as AddressInfo
    from oscbridge.address_space import AddressNode as AddressNode
    from oscbridge.address_space import EndpointAddresses as EndpointAddresses
    from oscbridge.address_space import KeptValue as KeptValue
    from oscbridge.address_space import KeptValues as KeptValues
    from oscbridge.address_space import ValueRange as ValueRange
    from oscbridge.bridge.config.captures import check_captures as check_captures
    from oscbridge.bridge.config.captures import check_template as check_template
    from oscbridge.bridge.config.secrets import File as File
    from oscbridge.bridge.config.secrets import Folder as Folder
    from oscbridge.bridge.config.secrets import Secret as Secret
    from oscbridge.child_process import child_environment as child_environment
    from oscbridge.contract.abilities import Coalescing as Coalescing
    from oscbridge.contract.abilities import Consuming as Consuming
    from oscbridge.contract.abilities import DescribesControls as DescribesControls
    from oscbridge.contract.abilities import DescribesRoutes as DescribesRoutes
    from oscbridge.contract.abilities import Durability as Durability
    from oscbridge.contract.abilities import FindsDevices as FindsDevices
    from oscbridge.contract.abilities import Guarded as Guarded
    from oscbridge.contract.abilities import KnowsAddresses as KnowsAddresses
    from oscbridge.contract.abilities import MustDeliver as MustDeliver
    from oscbridge.contract.abilities import Paced as Paced
    from oscbridge.contract.abilities import PeerAware as PeerAware
    from oscbridge.contract.abilities import Reconfigurable as Reconfigurable
    from oscbridge.contract.abilities import RouteAware as RouteAware
    from oscbridge.contract.abilities import Serving as Serving
    from oscbridge.contract.abilities import SharesMedium as SharesMedium
    from oscbridge.contract.abilities import UsesAddresses as UsesAddresses
    from oscbridge.contract.control_facts import ControlFacts as ControlFacts
    from oscbridge.contract.control_facts import ControlId as ControlId
    from oscbridge.contract.control_facts import JoinedControl as JoinedControl
    from oscbridge.contract.delivery import Delivery as Delivery
    from oscbridge.contract.delivery import RouteInfo as RouteInfo
    from oscbridge.contract.endpoint import AnyEndpoint as AnyEndpoint
    from oscbridge.contract.endpoint import Endpoint as Endpoint
    from oscbridge.contract.endpoint import EndpointTypes as EndpointTypes
    from oscbridge.contract.endpoint import OnStart as OnStart
    from oscbridge.contract.endpoint import Policy as Policy
    from oscbridge.contract.hooks import hookimpl as hookimpl
    from oscbridge.contract.host import Host as Host
    from oscbridge.contract.importing import ImportedFile as ImportedFile
    from oscbridge.contract.importing import ImportedRule as ImportedRule
    from oscbridge.contract.importing import Importer as Importer
    from oscbridge.contract.importing import Importers as Importers
    from oscbridge.contract.lease import GrantsLeases as GrantsLeases
    from oscbridge.contract.lease import Lease as Lease
    from oscbridge.contract.nearby_device import NearbyDevice as NearbyDevice
    from oscbridge.contract.options import Options as Options
    from oscbridge.contract.source import RouteFunction as RouteFunction
    from oscbridge.contract.source import Routes as Routes
    from oscbridge.contract.source import Sink as Sink
    from oscbridge.contract.source import Source as Source
    from oscbridge.discovery.discovery import Discovery as Discovery
    from oscbridge.discovery.follower import ServiceFollower as ServiceFollower
    from oscbridge.discovery.handles import AnnouncedService as AnnouncedService
    from oscbridge.discovery.handles import ServiceBrowser as ServiceBrowser
    from oscbridge.discovery.names import check_service_name as check_service_name
    from oscbridge.discovery.names import default_service_name as default_service_name
    from oscbridge.discovery.requirement import check_discovery as check_discovery
    from oscbridge.discovery.services import DiscoveredService as DiscoveredService
    from oscbridge.discovery.services import ServiceAnnouncement as ServiceAnnouncement
    from oscbridge.dispatch.dispatcher import Dispatcher as Dispatcher
    from oscbridge.dispatch.forwarded_tag import ForwardedTag as ForwardedTag
    from oscbridge.errors import BackOff as BackOff
    from oscbridge.errors import BadMessage as BadMessage
    from oscbridge.errors import ConfigurationError as ConfigurationError
    from oscbridge.errors import DecodeError as DecodeError
    from oscbridge.errors import DiscoveryUnavailable as DiscoveryUnavailable
    from oscbridge.errors import EncodeError as EncodeError
    from oscbridge.errors import EndpointError as EndpointError
    from oscbridge.errors import ExpressionFailed as ExpressionFailed
    from oscbridge.errors import InputError as InputError
    from oscbridge.errors import LimitError as LimitError
    from oscbridge.errors import MessageDropped as MessageDropped
    from oscbridge.errors import NotConnected as NotConnected
    from oscbridge.errors import OSCBridgeError as OSCBridgeError
    from oscbridge.errors import OSCError as OSCError
    from oscbridge.errors import PartialDelivery as PartialDelivery
    from oscbridge.errors import PatternError as PatternError
    from oscbridge.errors import PoisonMessage as PoisonMessage
    from oscbridge.net.allowlist import AllowList as AllowList
    from oscbridge.net.any_host import family_of_any_host as family_of_any_host
    from oscbridge.net.any_host import is_any_host as is_any_host
    from oscbridge.net.any_host import open_listening_socket as open_listening_socket
    from oscbridge.net.client_network import network_of as network_of
    from oscbridge.net.client_tls import client_tls_context as client_tls_context
    from oscbridge.net.client_tls import untrusted_certificate as untrusted_certificate
    from oscbridge.net.host_name import HostError as HostError
    from oscbridge.net.host_name import check_host as check_host
    from oscbridge.net.host_name import check_host_names as check_host_names
    from oscbridge.net.host_name import check_interface as check_interface
    from oscbridge.net.host_name import check_origins as check_origins
    from oscbridge.net.host_name import check_placeholder as check_placeholder
    from oscbridge.net.hosts import HostPolicy as HostPolicy
    from oscbridge.net.hosts import is_loopback as is_loopback
    from oscbridge.net.os_errors import what_failed as what_failed
    from oscbridge.net.server_url import ServerURL as ServerURL
    from oscbridge.net.socket_address import ClientAddress as ClientAddress
    from oscbridge.net.target_name import TargetName as TargetName
    from oscbridge.net.tcp_socket import prepare_tcp_socket as prepare_tcp_socket
    from oscbridge.net.token_bucket import TokenBucket as TokenBucket
    from oscbridge.net.udp_receive import udp_receiver as udp_receiver
    from oscbridge.net.udp_socket import open_udp_socket as open_udp_socket
    from oscbridge.net.unsent import UnsentMessages as UnsentMessages
    from oscbridge.net.url import OSCURL as OSCURL
    from oscbridge.net.url import HostPort as HostPort
    from oscbridge.osc import IMMEDIATELY as IMMEDIATELY
    from oscbridge.osc import IMPULSE as IMPULSE
    from oscbridge.osc import MIDI as MIDI
    from oscbridge.osc import Argument as Argument
    from oscbridge.osc import Bundle as Bundle
    from oscbridge.osc import Color as Color
    from oscbridge.osc import Impulse as Impulse
    from oscbridge.osc import Limits as Limits
    from oscbridge.osc import Message as Message
    from oscbridge.osc import Origin as Origin
    from oscbridge.osc import Packet as Packet
    from oscbridge.osc import TimeTag as TimeTag
    from oscbridge.osc import decode_packet as decode_packet
    from oscbridge.osc import encode_bundle as encode_bundle
    from oscbridge.osc import encode_message as encode_message
    from oscbridge.osc import encode_packet as encode_packet
    from oscbridge.osc import messages as messages
    from oscbridge.osc.conversion import nearest_whole as nearest_whole
    from oscbridge.osc.framing import stream_decoder as stream_decoder
    from oscbridge.osc.json import decode_json as decode_json
    from oscbridge.osc.json import encode_json as encode_json
    from oscbridge.osc.pattern import Pattern as Pattern
    from oscbridge.osc.pattern import Subject as Subject
    from oscbridge.osc.pattern import is_pattern as is_pattern
    from oscbridge.osc.plain import argument_converter as argument_converter
    from oscbridge.osc.plain import plain_float as plain_float
    from oscbridge.osc.plain import plain_text as plain_text
    from oscbridge.osc.plain import shortest as shortest
    from oscbridge.osc.plain_payload import encode_plain_json as encode_plain_json
    from oscbridge.osc.plain_payload import encode_plain_text as encode_plain_text
    from oscbridge.osc.plain_payload import plain_arguments as plain_arguments
    from oscbridge.osc.text import guess_value as guess_value
    from oscbridge.osc.text import is_number as is_number
    from oscbridge.profiles.profile import Profile as Profile
    from oscbridge.templates.expression import TemplateExpression as TemplateExpression
    from oscbridge.templates.message import MessageTemplate as MessageTemplate
    from oscbridge.templates.payload import EncodeRouted as EncodeRouted
    from oscbridge.templates.payload import placeholder_text as placeholder_text
    from oscbridge.templates.payload import template_encoder as template_encoder
    from oscbridge.templates.placeholders import Placeholder as Placeholder
    from oscbridge.templates.placeholders import Template as Template
    from oscbridge.toml_text import TomlTable as TomlTable
    from oscbridge.toml_text import TomlValue as TomlValue
    from oscbridge.toml_text import toml_table as toml_table
else:
    __all__ = sorted(HOMES)


def __getattr__(name: str) -> object:
    if (module := HOMES.get(name)) is None:
        return import_module("oscbridge.contract.deprecations").deprecated_name(name)
    value = globals()[name] = getattr(import_module(module), name)  # found at once next time
    return value


def __dir__() -> list[str]:
    return sorted(HOMES)
