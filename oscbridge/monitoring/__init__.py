"""What can be seen of a running system, and its fronts.

For plugins too: one that offers pages (``oscbridge_sites``) derives from :class:`Site`, and gets
:class:`Operations`. These names are public, and imported on first use.
"""

from typing import TYPE_CHECKING

from oscbridge.lazy_names import lazy_names

if TYPE_CHECKING:
    from oscbridge.bridge.reload import Changes
    from oscbridge.learning.candidates import Candidate
    from oscbridge.learning.ends import RouteEnd
    from oscbridge.learning.proposal import Proposal
    from oscbridge.learning.session import LearningSession, LearningState
    from oscbridge.logs.recent import LoggedEvent, RecentEvents
    from oscbridge.monitoring.operations import Operations, ProcessInfo
    from oscbridge.monitoring.route_status import RouteMessages, RouteStatus
    from oscbridge.monitoring.site import Site, SiteHandler
    from oscbridge.monitoring.site_access import SiteAccess
    from oscbridge.monitoring.status import BridgeStatus, EndpointStatus, Received, Status
    from oscbridge.monitoring.traffic import Hub, ShownMessage, TrafficWatcher, peer_text

__all__ = [
    "BridgeStatus",
    "Candidate",
    "Changes",
    "EndpointStatus",
    "Hub",
    "LearningSession",
    "LearningState",
    "LoggedEvent",
    "Operations",
    "ProcessInfo",
    "Proposal",
    "Received",
    "RecentEvents",
    "RouteEnd",
    "RouteMessages",
    "RouteStatus",
    "ShownMessage",
    "Site",
    "SiteAccess",
    "SiteHandler",
    "Status",
    "TrafficWatcher",
    "peer_text",
]

__getattr__ = lazy_names(
    __name__,
    "oscbridge.bridge.reload.Changes",
    "oscbridge.learning.candidates.Candidate",
    "oscbridge.learning.ends.RouteEnd",
    "oscbridge.learning.proposal.Proposal",
    "oscbridge.learning.session.LearningSession",
    "oscbridge.learning.session.LearningState",
    "oscbridge.logs.recent.LoggedEvent",
    "oscbridge.logs.recent.RecentEvents",
    "oscbridge.monitoring.operations.Operations",
    "oscbridge.monitoring.operations.ProcessInfo",
    "oscbridge.monitoring.route_status.RouteMessages",
    "oscbridge.monitoring.route_status.RouteStatus",
    "oscbridge.monitoring.site.Site",
    "oscbridge.monitoring.site.SiteHandler",
    "oscbridge.monitoring.site_access.SiteAccess",
    "oscbridge.monitoring.status.BridgeStatus",
    "oscbridge.monitoring.status.EndpointStatus",
    "oscbridge.monitoring.status.Received",
    "oscbridge.monitoring.status.Status",
    "oscbridge.monitoring.traffic.Hub",
    "oscbridge.monitoring.traffic.ShownMessage",
    "oscbridge.monitoring.traffic.TrafficWatcher",
    "oscbridge.monitoring.traffic.peer_text",
)
