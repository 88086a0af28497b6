"""``[run] watch`` with the real program: files are edited, replaced, broken and fixed."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certificates import make_certificate

Start = Callable[..., Any]
Write = Callable[..., str]

BASE = """
[run]
watch = true
[bridge.stage]
listen = "udp://127.0.0.1:0"
"""


def bridge(name: str) -> str:
    return f'[bridge.{name}]\nlisten = "udp://127.0.0.1:0"\n'


@pytest.fixture
def run(start: Start, write: Write) -> Callable[..., Any]:
    """Starts a bridge that watches, and waits until it does."""

    def run(text: str = BASE, file: str | None = None) -> Any:
        program = start("run", file or write(text), "-v")
        program.wait_for(r"watching \d+ files? for changes")
        return program

    return run


def replace(path: Path, text: str) -> None:
    """As an editor does: the new content in a new file, renamed."""
    new = path.with_name(f".{path.name}.tmp")
    new.write_text(text)
    new.replace(path)


def rename_away(path: Path, text: str) -> None:
    """As vim does: the old file is renamed to a backup, a new one is written, the backup goes."""
    backup = path.with_name(f"{path.name}~")
    path.rename(backup)
    path.write_text(text)
    backup.unlink()


@pytest.mark.parametrize("edit", [Path.write_text, replace, rename_away], ids=lambda f: f.__name__)
def test_edited_file_is_read_again(
    run: Callable[..., Any], tmp_path: Path, edit: Callable[[Path, str], None]
) -> None:
    program = run()
    for name in ("one", "two"):  # a replaced file is still watched
        edit(tmp_path / "show.toml", BASE + bridge(name))
        program.wait_for(r"show\.toml changed; reloading")
        program.wait_for(rf"reloaded .*: added bridge\.{name}")
    assert program.stop() == 0


def test_change_while_the_bridge_starts_is_noticed(
    start: Start, write: Write, tmp_path: Path
) -> None:
    text = (
        BASE
        + """
        [endpoint.desk]
        type = "osc"
        to = "udp://127.0.0.1:9"
        [[route]]
        from = "stage"
        function = "edits:keep"
        to = "desk"
    """
    )
    file = Path(write(text))
    (tmp_path / "edits.py").write_text(  # imported after the file was read
        "from pathlib import Path\n"
        f"Path({str(file)!r}).write_text({text + bridge('late')!r})\n"
        "def keep(message):\n"
        "    return message\n"
    )
    program = start("run", str(file), "-v")
    program.wait_for(r"late +udp://|added bridge\.late")
    assert program.stop() == 0


def test_warnings_are_logged_once_at_the_start(run: Callable[..., Any], tmp_path: Path) -> None:
    desk = '[endpoint.desk]\ntype = "osc"\nto = "udp://127.0.0.1:9"\n'
    warned = '[[route]]\nfrom = "stage"\nwhen = "True"\nto = "desk"\n'
    program = run(BASE + desk + warned)
    assert program.output.count("True is always true") == 1
    (tmp_path / "show.toml").write_text(BASE + desk + warned + bridge("one"))
    program.wait_for(r"reloaded .*: added bridge\.one")
    assert program.output.count("True is always true") == 2
    assert program.stop() == 0


def test_broken_file_changes_nothing_and_is_logged_once(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    program = run()
    file = tmp_path / "show.toml"
    file.write_text(BASE + bridge("one").replace("listen", "lisen"))
    program.wait_for(r"reload rejected; .*bridge\.one\.lisen: unknown key; did you mean 'listen'")
    (tmp_path / "other").write_text("an event in the folder")
    file.touch()
    file.write_text(BASE + bridge("two"))
    program.wait_for(r"reloaded .*: added bridge\.two")
    assert program.output.count("reload rejected") == 1
    assert "watchfiles" not in program.output
    assert program.stop() == 0


def test_file_that_vanishes_for_a_moment_is_not_an_error(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    program = run()
    file = tmp_path / "show.toml"
    file.unlink()
    (tmp_path / "unrelated").touch()
    file.write_text(BASE + bridge("one"))
    program.wait_for(r"reloaded .*: added bridge\.one")
    file.unlink()
    program.wait_for(r"reload rejected; .*show\.toml: no such file")
    file.write_text(BASE + bridge("two"))
    program.wait_for(r"reloaded .*: .*added bridge\.two")
    assert program.output.count("rejected") == 1


def test_new_included_and_removed_files_are_noticed(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    program = run('include = ["desks/*.toml", "*/extra/*.toml"]\n' + BASE)
    (tmp_path / "desks").mkdir()
    (tmp_path / "desks" / "one.toml").write_text(bridge("one"))
    program.wait_for(r"desks/one\.toml changed; reloading")
    program.wait_for(r"added bridge\.one")
    (tmp_path / "desks" / "one.toml").write_text(bridge("two"))
    program.wait_for(r"added bridge\.two.*removed bridge\.one|removed bridge\.one.*bridge\.two")
    (tmp_path / "desks" / "extra").mkdir()
    (tmp_path / "desks" / "extra" / "more.toml").write_text(bridge("three"))
    program.wait_for(r"added bridge\.three")
    (tmp_path / "desks" / "one.toml").unlink()
    program.wait_for(r"removed bridge\.two")


def test_symlink_that_is_switched_is_noticed(run: Callable[..., Any], tmp_path: Path) -> None:
    """As Kubernetes does with a ConfigMap: ``show.toml -> ..data/show.toml``, ``..data -> 1``."""
    folder = tmp_path / "config"
    for version, text in (("1", BASE), ("2", BASE + bridge("one")), ("3", BASE + bridge("two"))):
        (folder / version).mkdir(parents=True)
        (folder / version / "show.toml").write_text(text)
    (folder / "..data").symlink_to("1")
    (folder / "show.toml").symlink_to("..data/show.toml")
    program = run(file=str(folder / "show.toml"))
    for version, name in (("2", "one"), ("3", "two")):
        (folder / "..new").symlink_to(version)
        (folder / "..new").replace(folder / "..data")
        program.wait_for(rf"reloaded .*bridge\.{name}")


def test_renewed_certificate_is_loaded(run: Callable[..., Any], tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "stage")
    program = run(
        BASE + '[endpoint.web]\ntype = "websocket"\nlisten = "127.0.0.1:0"\n' + certificate.toml
    )
    (tmp_path / "new").mkdir()
    new = make_certificate(tmp_path / "new", "stage")
    new.key.replace(certificate.key)
    new.certificate.replace(certificate.certificate)
    program.wait_for(r"stage\.(pem|key).* changed; reloading")
    program.wait_for(r"reloaded .*certificate")


def test_changed_secret_is_read(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0123456789")
    program = run(
        BASE + '[endpoint.web]\ntype = "websocket"\nlisten = "127.0.0.1:0"\n'
        '[[token]]\nname = "wall"\nsecret = { file = "token" }\n'
    )
    (tmp_path / "token").write_text("9876543210\n")
    program.wait_for(r"/token changed; reloading")
    program.wait_for(r"reloaded .*token\.wall")


def test_signal_and_change_at_once_end_with_the_new_file(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    program = run()
    (tmp_path / "show.toml").write_text(BASE + bridge("one"))
    program.process.send_signal(signal.SIGHUP)
    program.wait_for(r"reloaded .*: added bridge\.one")
    program.wait_for(r"show\.toml changed; reloading")
    program.wait_for(r"reloaded .*: nothing changed")
    assert program.stop() == 0


def test_watching_is_switched_by_a_reload(run: Callable[..., Any], tmp_path: Path) -> None:
    program = run()
    file = tmp_path / "show.toml"
    file.write_text(BASE.replace("watch = true", "watch = false"))
    program.wait_for("no longer watching files")
    file.write_text(BASE + bridge("one"))
    program.process.send_signal(signal.SIGHUP)
    program.wait_for(r"added bridge\.one")
    program.wait_for(r"watching 1 file for changes")
    file.write_text(BASE + bridge("two"))
    program.wait_for(r"show\.toml changed; reloading")


def test_folder_is_polled_if_the_environment_says_so(
    environment: dict[str, str], run: Callable[..., Any], tmp_path: Path
) -> None:
    environment["WATCHFILES_FORCE_POLLING"] = "true"
    program = run()
    (tmp_path / "show.toml").write_text(BASE + bridge("one"))
    program.wait_for(r"added bridge\.one")
