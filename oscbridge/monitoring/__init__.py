"""What can be seen of a running system, and its fronts.

For plugins too: one that offers pages (``oscbridge_sites``) derives from :class:`Site`, and gets
:class:`Operations`. These names are public, and imported on first use.
"""

from typing import TYPE_CHECKING

from oscbridge.lazy_names import lazy_names

if TYPE_CHECKING:
    from oscbridge.bridge.config.editing.draft import EditProblem
    from oscbridge.bridge.config.editing.edits import (
        AddTable,
        ChangeTable,
        Edit,
        EditConflict,
        EditingClient,
        EditRefused,
        MoveRoute,
        NotWritable,
        RemoveTable,
        ReplaceText,
        TomlText,
    )
    from oscbridge.bridge.config.resolved import Configuration
    from oscbridge.bridge.reload import Changes
    from oscbridge.learning.candidates import Candidate
    from oscbridge.learning.ends import RouteEnd
    from oscbridge.learning.proposal import Proposal
    from oscbridge.learning.session import LearningSession, LearningState
    from oscbridge.logs.recent import LoggedEvent, RecentEvents
    from oscbridge.monitoring.device_operations import DeviceOperations
    from oscbridge.monitoring.editing import ConfigurationEditor
    from oscbridge.monitoring.editing_views import (
        CheckedEdit,
        ConfigurationView,
        FileView,
        SavedEdit,
        VersionView,
        why_not_edit,
    )
    from oscbridge.monitoring.operations import Operations, ProcessInfo
    from oscbridge.monitoring.route_trial import (
        RouteTrial,
        TracedRoute,
        running_routes,
        takers_of,
        typed_message,
    )
    from oscbridge.monitoring.site import Site, SiteHandler
    from oscbridge.monitoring.site_access import SiteAccess
    from oscbridge.monitoring.traffic import Hub, ShownMessage, TrafficWatcher, peer_text
    from oscbridge.nearby.search import FoundNearby
    from oscbridge.status.route_status import RouteMessages, RouteStatus
    from oscbridge.status.status import BridgeStatus, EndpointStatus, Received, Status
    from oscbridge.toml_text import toml_texts

__all__ = [
    "AddTable",
    "BridgeStatus",
    "Candidate",
    "ChangeTable",
    "Changes",
    "CheckedEdit",
    "Configuration",
    "ConfigurationEditor",
    "ConfigurationView",
    "DeviceOperations",
    "Edit",
    "EditConflict",
    "EditProblem",
    "EditRefused",
    "EditingClient",
    "EndpointStatus",
    "FileView",
    "FoundNearby",
    "Hub",
    "LearningSession",
    "LearningState",
    "LoggedEvent",
    "MoveRoute",
    "NotWritable",
    "Operations",
    "ProcessInfo",
    "Proposal",
    "Received",
    "RecentEvents",
    "RemoveTable",
    "ReplaceText",
    "RouteEnd",
    "RouteMessages",
    "RouteStatus",
    "RouteTrial",
    "SavedEdit",
    "ShownMessage",
    "Site",
    "SiteAccess",
    "SiteHandler",
    "Status",
    "TomlText",
    "TracedRoute",
    "TrafficWatcher",
    "VersionView",
    "peer_text",
    "running_routes",
    "takers_of",
    "toml_texts",
    "typed_message",
    "why_not_edit",
]

__getattr__ = lazy_names(
    __name__,
    "oscbridge.bridge.config.editing.draft.EditProblem",
    "oscbridge.bridge.config.editing.edits.AddTable",
    "oscbridge.bridge.config.editing.edits.ChangeTable",
    "oscbridge.bridge.config.editing.edits.Edit",
    "oscbridge.bridge.config.editing.edits.EditConflict",
    "oscbridge.bridge.config.editing.edits.EditRefused",
    "oscbridge.bridge.config.editing.edits.EditingClient",
    "oscbridge.bridge.config.editing.edits.MoveRoute",
    "oscbridge.bridge.config.editing.edits.NotWritable",
    "oscbridge.bridge.config.editing.edits.RemoveTable",
    "oscbridge.bridge.config.editing.edits.ReplaceText",
    "oscbridge.bridge.config.editing.edits.TomlText",
    "oscbridge.bridge.config.resolved.Configuration",
    "oscbridge.bridge.reload.Changes",
    "oscbridge.learning.candidates.Candidate",
    "oscbridge.learning.ends.RouteEnd",
    "oscbridge.learning.proposal.Proposal",
    "oscbridge.learning.session.LearningSession",
    "oscbridge.learning.session.LearningState",
    "oscbridge.logs.recent.LoggedEvent",
    "oscbridge.logs.recent.RecentEvents",
    "oscbridge.monitoring.device_operations.DeviceOperations",
    "oscbridge.monitoring.editing.ConfigurationEditor",
    "oscbridge.monitoring.editing_views.CheckedEdit",
    "oscbridge.monitoring.editing_views.ConfigurationView",
    "oscbridge.monitoring.editing_views.FileView",
    "oscbridge.monitoring.editing_views.SavedEdit",
    "oscbridge.monitoring.editing_views.VersionView",
    "oscbridge.monitoring.editing_views.why_not_edit",
    "oscbridge.monitoring.operations.Operations",
    "oscbridge.monitoring.operations.ProcessInfo",
    "oscbridge.status.route_status.RouteMessages",
    "oscbridge.status.route_status.RouteStatus",
    "oscbridge.monitoring.route_trial.RouteTrial",
    "oscbridge.monitoring.route_trial.TracedRoute",
    "oscbridge.monitoring.route_trial.running_routes",
    "oscbridge.monitoring.route_trial.takers_of",
    "oscbridge.monitoring.route_trial.typed_message",
    "oscbridge.monitoring.site.Site",
    "oscbridge.monitoring.site.SiteHandler",
    "oscbridge.monitoring.site_access.SiteAccess",
    "oscbridge.status.status.BridgeStatus",
    "oscbridge.status.status.EndpointStatus",
    "oscbridge.status.status.Received",
    "oscbridge.status.status.Status",
    "oscbridge.monitoring.traffic.Hub",
    "oscbridge.monitoring.traffic.ShownMessage",
    "oscbridge.monitoring.traffic.TrafficWatcher",
    "oscbridge.monitoring.traffic.peer_text",
    "oscbridge.nearby.search.FoundNearby",
    "oscbridge.toml_text.toml_texts",
)
