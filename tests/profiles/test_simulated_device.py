"""A simulated device: get, set, and subscriptions that expire."""

from __future__ import annotations

from json import loads
from pathlib import Path

from oscbridge.address_space import Access
from oscbridge.osc import Message
from oscbridge.osc.arguments import split_types
from oscbridge.profiles.library import shipped_profiles
from oscbridge.profiles.profile import read_profile
from oscbridge.profiles.simulated_device import (
    MAX_CLIENTS,
    MAX_MATCHED,
    DeviceMessage,
    SimulatedDevice,
)
from oscbridge.profiles.verb_state import MAX_LISTENED

PROFILES = {name: read_profile(path) for name, path in shipped_profiles().items()}
FADER = "/ch/01/mix/fader"


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def of_profile(folder: Path, entries: str, more: str = "") -> SimulatedDevice:
    """A device with these entries in its profile."""
    path = folder / "desk.toml"
    group = f'[[group]]\nname = "g"\nstatus = "seen"\nsource = "my desk"\naddresses = [{entries}]'
    path.write_text(f'title = "My desk"\n{more}{group}\n')
    return SimulatedDevice(read_profile(path), Clock())


def x32(clock: Clock | None = None) -> SimulatedDevice:
    return SimulatedDevice(PROFILES["x32"], clock or Clock())


def test_question_is_answered_to_who_asked() -> None:
    device = x32()
    assert device.receive(Message.of(FADER), "a") == (DeviceMessage("a", Message.of(FADER, 0.0)),)
    assert device.receive(Message.of("/ch/01/mix/on"), "a")[0].message.args == (1,)


def test_probe_gets_the_reply_of_the_profile() -> None:
    (answer,) = x32().receive(Message.of("/xinfo"), "a")
    assert answer.message == Message.of("/xinfo", "127.0.0.1", "simulated", "X32", "4.06")


def test_change_goes_to_other_clients_with_a_subscription() -> None:
    device = x32()
    for client in "abc":
        device.receive(Message.of("/xremote"), client)
    sent = device.receive(Message.of(FADER, 0.5), "b")
    assert sent == tuple(DeviceMessage(client, Message.of(FADER, 0.5)) for client in "ac")
    assert device.value(FADER) == (0.5,)


def test_subscription_expires_and_is_renewed() -> None:
    clock = Clock()
    device = x32(clock)
    device.receive(Message.of("/xremote"), "a")
    clock.now += 8
    device.receive(Message.of("/xremote"), "a")
    clock.now += 8
    assert device.receive(Message.of(FADER, 0.5), "b")
    clock.now += 2
    assert not device.receive(Message.of(FADER, 0.6), "b")
    assert device.subscribers == 0


def test_number_of_subscriptions_is_bounded() -> None:
    clock = Clock()
    device = x32(clock)
    for client in range(MAX_CLIENTS + 10):
        clock.now += 0.001
        device.receive(Message.of("/xremote"), client)
    told = [each.client for each in device.receive(Message.of(FADER, 0.5), "b")]
    assert told == list(range(10, MAX_CLIENTS + 10))


def test_values_are_clamped_and_converted() -> None:
    device = x32()
    device.receive(Message.of(FADER, 7), "a")
    device.receive(Message.of("/ch/02/mix/on", 0.0), "a")
    assert device.value(FADER) == (1.0,)
    assert device.value("/ch/02/mix/on") == (0,)


def test_message_that_does_not_fit_changes_nothing() -> None:
    device = x32()
    for message in (
        Message.of(FADER, "loud"),
        Message.of(FADER, 0.1, 0.2),
        Message.of(FADER, [1, 2]),
        Message.of("/unknown", 1),
        Message.of("/ch/[/x", 1),
    ):
        assert device.receive(message, "a") == ()
    assert device.value(FADER) == (0.0,)


def test_pattern_sets_all_addresses_that_match() -> None:
    device = x32()
    device.receive(Message.of("/ch/0[12]/mix/fader", 0.25), "a")
    assert [device.value(f"/ch/0{n}/mix/fader") for n in (1, 2, 3)] == [(0.25,), (0.25,), (0.0,)]


def test_pattern_reaches_a_limited_number_of_addresses(tmp_path: Path) -> None:
    device = of_profile(tmp_path, "{ address = '/{1..1000}/{1..3}', types = 'i' }")
    assert len(device.receive(Message.of("/*/*"), "a")) == MAX_MATCHED


def test_arrays_are_values_like_others(tmp_path: Path) -> None:
    device = of_profile(tmp_path, "{ address = '/a', types = 'i[f[s]]' }")
    (answer,) = device.receive(Message.of("/a"), "a")
    assert answer.message == Message("/a", "i[f[s]]", (0, [0, [""]]))
    for wrong in ([1, 2], [1.0], ["x", ["y"]], 3):
        device.receive(Message.of("/a", 1, wrong), "a")
    assert device.value("/a") == (0, [0, [""]])
    device.receive(Message.of("/a", 1, [2.0, ["x"]]), "a")
    assert device.value("/a") == (1, [2.0, ["x"]])


def test_no_number_is_not_a_value() -> None:
    device = x32()
    device.receive(Message.of(FADER, float("nan")), "a")
    assert device.value(FADER) == (0.0,)


def test_ended_interest_makes_room_for_another(tmp_path: Path) -> None:
    verbs = 'verbs = { get = "get", set = "set", listen = "start", unlisten = "stop" }\n'
    entries = "{ address = '/{get,set}/level', types = 'if' }, { address = '/{start,stop}/level' }"
    entries = entries.replace("/{", "/track/{")
    device = of_profile(tmp_path, entries, verbs)
    for number in range(MAX_LISTENED):
        assert device.receive(Message.of("/track/start/level", number), "a")
        device.receive(Message.of("/track/stop/level", number), "a")
    device.receive(Message.of("/track/start/level", MAX_LISTENED), "a")
    (told,) = device.receive(Message.of("/track/set/level", MAX_LISTENED, 0.5), "b")
    assert told == DeviceMessage("a", Message.of("/track/get/level", MAX_LISTENED, 0.5))


def test_value_that_may_only_be_read_is_not_set() -> None:
    device = SimulatedDevice(PROFILES["abletonosc"], Clock())
    device.receive(Message.of("/live/song/get/tempo", 90.0), "a")
    (answer,) = device.receive(Message.of("/live/song/get/tempo"), "a")
    assert answer.message.args == (120.0,)


def test_truth_value_is_sent_as_its_own_type_tag() -> None:
    device = SimulatedDevice(PROFILES["abletonosc"], Clock())
    (answer,) = device.receive(Message.of("/live/song/get/is_playing"), "a")
    assert answer.message == Message.of("/live/song/get/is_playing", False)


def abletonosc() -> SimulatedDevice:
    return SimulatedDevice(PROFILES["abletonosc"], Clock())


def sent(device: SimulatedDevice, message: Message, client: str = "a") -> list[DeviceMessage]:
    return list(device.receive(message, client))


def test_value_is_set_and_asked_for_at_different_addresses() -> None:
    device = abletonosc()
    assert sent(device, Message.of("/live/track/set/volume", 2, 0.5)) == []
    (answer,) = sent(device, Message.of("/live/track/get/volume", 2))
    assert answer.message == Message.of("/live/track/get/volume", 2, 0.5)
    (other,) = sent(device, Message.of("/live/track/get/volume", 3))
    assert other.message.args == (3, 0.0)
    sent(device, Message.of("/live/song/set/tempo", 3000))
    (answer,) = sent(device, Message.of("/live/song/get/tempo"))
    assert answer.message.args == (999.0,)


def test_listener_gets_the_value_and_all_changes_until_it_stops() -> None:
    device = abletonosc()
    listen = Message.of("/live/track/start_listen/volume", 2)
    (first,) = sent(device, listen, "tablet")
    assert first == DeviceMessage("tablet", Message.of("/live/track/get/volume", 2, 0.0))
    (change,) = sent(device, Message.of("/live/track/set/volume", 2, 1), "desk")
    assert change == DeviceMessage("tablet", Message.of("/live/track/get/volume", 2, 1.0))
    assert sent(device, Message.of("/live/track/set/volume", 4, 1), "desk") == []
    assert sent(device, Message.of("/live/track/stop_listen/volume", 2), "tablet") == []
    assert sent(device, Message.of("/live/track/set/volume", 2, 0), "desk") == []
    sent(device, listen, "tablet")
    device.forget("tablet")
    assert sent(device, Message.of("/live/track/set/volume", 2, 1), "desk") == []


def test_wrong_question_of_a_verb_is_ignored() -> None:
    device = abletonosc()
    for message in (
        Message.of("/live/track/get/volume"),
        Message.of("/live/track/get/volume", "x"),
        Message.of("/live/track/get/volume", -5),
        Message.of("/live/track/set/volume", 2),
        Message.of("/live/track/set/volume", 2, "loud"),
    ):
        assert sent(device, message) == []


def qlab(passcode: str = "") -> SimulatedDevice:
    return SimulatedDevice(PROFILES["qlab"], Clock(), passcode)


def reply(device: SimulatedDevice, message: Message) -> dict[str, object]:
    (answer,) = sent(device, message)
    assert answer.message.address == f"/reply{message.address}"
    (text,) = answer.message.args
    assert isinstance(text, str)
    document = loads(text)
    assert document.pop("address") == message.address
    return dict(document)


def test_qlab_answers_with_json() -> None:
    device = qlab()
    assert reply(device, Message.of("/version")) == {"status": "ok", "data": "5.4"}
    assert reply(device, Message.of("/cue/5/name", "Intro")) == {"status": "ok"}
    assert reply(device, Message.of("/cue/5/name")) == {"status": "ok", "data": "Intro"}
    assert reply(device, Message.of("/cue/5/isRunning")) == {"status": "ok", "data": False}
    assert reply(device, Message.of("/thump")) == {"status": "ok"}
    assert reply(device, Message.of("/nonsense")) == {"status": "error"}


def test_qlab_asks_for_the_passcode() -> None:
    device = qlab("1234")
    assert reply(device, Message.of("/version")) == {"status": "denied"}
    assert reply(device, Message.of("/connect", "12")) == {"status": "ok", "data": "badpass"}
    assert reply(device, Message.of("/version")) == {"status": "denied"}
    assert reply(device, Message.of("/connect", "1234")) == {"status": "ok", "data": "ok"}
    assert reply(device, Message.of("/version"))["status"] == "ok"
    device.forget("a")
    assert reply(device, Message.of("/version")) == {"status": "denied"}


def test_every_readable_address_of_every_profile_is_answered() -> None:
    for profile in PROFILES.values():
        device = SimulatedDevice(profile, Clock())
        for info, entry in profile.entries():
            if Access.READ not in info.access or entry.query is not None:
                continue
            arguments = split_types(info.types)[:-1] if profile.options.verbs else ()
            asked = Message.of(info.address, *(0 for _ in arguments))
            assert sent(device, asked), f"{profile.name}: {info.address}"
