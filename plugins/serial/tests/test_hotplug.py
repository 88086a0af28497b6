"""Devices that come and go."""

from __future__ import annotations

from typing import Any

import pytest

import oscbridge
from oscbridge import Message
from oscbridge.testing import running_bridge
from oscbridge_serial.link import AT_ONCE
from oscbridge_serial.ports import PortInfo, choose_port, find_port

TEXT = 'protocol = "text"'

ARDUINO = PortInfo("/dev/ttyACM0", "2341:0043", "Arduino Uno 85735313")
ADAPTER = PortInfo("/dev/ttyUSB0", "0403:6001", "FTDI FT232R USB UART")
BOARD = PortInfo("/dev/ttyS0", "", "")


async def test_device_is_found_when_it_is_plugged_in(device: Any, configuration: Any) -> None:
    device.unplug()
    async with running_bridge(configuration(TEXT)) as bridge:
        await bridge.until(lambda: "is not there; plug it in" in "\n".join(bridge.log))
        bridge.send("osc", Message.of("/led", 1))
        await bridge.until(lambda: bridge.endpoint_status("arduino").queued == 1)
        device.plug_in()
        assert await device.receive(7) == b"/led 1\n"


async def test_device_is_found_again_after_it_was_unplugged(start: Any, device: Any) -> None:
    bridge = await start(TEXT)
    device.unplug()
    await bridge.until(lambda: not bridge.endpoint_status("arduino").connected)
    assert f"not connected: {device.path}: unplugged" in "\n".join(bridge.log)
    device.plug_in()
    bridge.send("osc", Message.of("/led", 1))
    assert await device.receive(7) == b"/led 1\n"
    device.send(b"hello\n")
    assert len(await bridge.recording("seen").arrived(1)) == 1


async def test_half_a_line_of_an_unplugged_device_is_counted(start: Any, device: Any) -> None:
    bridge = await start(TEXT)
    device.send(b"/a 1\nhal")
    await bridge.recording("seen").arrived(1)
    device.unplug()
    await bridge.until(lambda: bridge.endpoint_status("arduino").received.bad == {"truncated": 1})


async def test_messages_wait_for_a_device_that_does_not_read(start: Any, device: Any) -> None:
    bridge = await start(TEXT)
    count = 3_000  # more than the buffer of the terminal holds
    bridge.send("osc", *(Message.of("/led", number) for number in range(count)))
    await bridge.until(lambda: bridge.endpoint_status("arduino").offered == count)
    expected = "".join(f"/led {number}\n" for number in range(count)).encode()
    assert await device.receive(len(expected)) == expected
    await bridge.until(lambda: bridge.endpoint_status("arduino").sent == count)


async def test_unplugged_while_a_message_is_sent_is_sent_again(start: Any, device: Any) -> None:
    bridge = await start(TEXT)
    count = 3_000
    bridge.send("osc", *(Message.of("/led", number) for number in range(count)))
    status = lambda: bridge.endpoint_status("arduino")  # noqa: E731
    await bridge.until(lambda: status().offered == count and status().in_flight > 0)
    sent = status().sent
    device.unplug()
    await bridge.until(lambda: not status().connected)
    device.plug_in()
    first = f"/led {sent}\n".encode()
    assert await device.receive(len(first)) == first
    await device.receive(len("".join(f"/led {n}\n" for n in range(sent + 1, count))))
    await bridge.until(lambda: status().sent == count)


async def test_message_to_a_device_that_is_just_gone_is_not_sent(start: Any, device: Any) -> None:
    bridge = await start(TEXT)
    device.unplug()
    with pytest.raises(oscbridge.NotConnected):
        await bridge.endpoint("arduino").send(oscbridge.Delivery(Message("/a"), None, {}))


async def test_lines_before_the_device_is_unplugged_are_received(start: Any, device: Any) -> None:
    bridge = await start(TEXT)
    device.send(b"1\n" * 2_000)  # more than are taken at once
    await bridge.recording("seen").arrived(1)
    device.unplug()
    # The system discards what it has not been asked for; the rest was read and waits its turn.
    assert len(await bridge.recording("seen").arrived(AT_ONCE + 1)) > AT_ONCE


async def test_reload_with_another_template_keeps_the_port(
    start: Any, device: Any, configuration: Any
) -> None:
    bridge = await start(TEXT)
    endpoint = bridge.endpoint("arduino")
    await bridge.reload(configuration(TEXT + '\nline = "{0}"'))
    assert bridge.endpoint("arduino") is endpoint
    bridge.send("osc", Message.of("/led", 1))
    assert await device.receive(2) == b"1\n"
    await bridge.reload(configuration(TEXT + "\nbaud_rate = 9600"))
    assert bridge.endpoint("arduino") is not endpoint
    bridge.send("osc", Message.of("/led", 1))
    assert await device.receive(7) == b"/led 1\n"


async def test_path_that_is_not_a_serial_port_is_explained(device: Any, configuration: Any) -> None:
    device.unplug()
    device.path.write_text("")
    async with running_bridge(configuration()) as bridge:
        await bridge.until(lambda: bridge.endpoint_status("arduino").problem)
        assert "not connected" in "\n".join(bridge.log)


@pytest.mark.parametrize(
    ("device", "path"),
    [
        ("2341:0043", "/dev/ttyACM0"),
        ("0403:6001", "/dev/ttyUSB0"),
        ("arduino", "/dev/ttyACM0"),
        ("FT232R", "/dev/ttyUSB0"),
        ("85735313", "/dev/ttyACM0"),
    ],
)
def test_port_is_chosen_by_identifier_or_name(device: str, path: str) -> None:
    assert choose_port(device, (ARDUINO, ADAPTER, BOARD)) == path


def test_missing_port_is_waited_for_and_others_are_listed() -> None:
    with pytest.raises(oscbridge.BackOff) as caught:
        choose_port("Teensy", (ARDUINO, BOARD))
    assert str(caught.value) == (
        "no serial port is 'Teensy'; plug it in; available: "
        "/dev/ttyACM0 (2341:0043 Arduino Uno 85735313), /dev/ttyS0"
    )


def test_several_ports_are_an_error_that_lists_them() -> None:
    with pytest.raises(oscbridge.NotConnected, match="several serial ports are 'u': /dev/ttyACM0"):
        choose_port("u", (ARDUINO, ADAPTER))


async def test_paths_are_not_looked_up() -> None:
    assert await find_port("/dev/ttyACM7") == "/dev/ttyACM7"
    assert await find_port("COM3") == "COM3"
    with pytest.raises(oscbridge.BackOff, match="no serial port is 'ffff:ffff'"):
        await find_port("ffff:ffff")
