"""What tests of a plugin need: a running bridge, an endpoint that records, a free port.

async def test_a_lamp_gets_its_level() -> None:
    async with running_bridge(CONFIGURATION) as bridge:
        bridge.send("stage", Message.of("/lamp", 0.5))
        await bridge.recording("seen").arrived(1)
"""

from oscbridge.status.status import EndpointStatus
from oscbridge.testing.bridge import RunningBridge, running_bridge
from oscbridge.testing.bridge_thread import BridgeThread, new_recorder
from oscbridge.testing.configuration import check_configuration, configuration_error
from oscbridge.testing.configured_tests import ConfiguredTest, run_configured_tests
from oscbridge.testing.fake_clock import FakeClock
from oscbridge.testing.identity import what_does_not_add_up
from oscbridge.testing.plugin_readme import PluginReadme
from oscbridge.testing.ports import free_port
from oscbridge.testing.process import OscbridgeProcess, running_process
from oscbridge.testing.recording_endpoint import RecordingEndpoint
from oscbridge.testing.routes import read_routes
from oscbridge.testing.waiting import until

__all__ = [
    "BridgeThread",
    "ConfiguredTest",
    "EndpointStatus",
    "FakeClock",
    "OscbridgeProcess",
    "PluginReadme",
    "RecordingEndpoint",
    "RunningBridge",
    "check_configuration",
    "configuration_error",
    "free_port",
    "new_recorder",
    "read_routes",
    "run_configured_tests",
    "running_bridge",
    "running_process",
    "until",
    "what_does_not_add_up",
]
