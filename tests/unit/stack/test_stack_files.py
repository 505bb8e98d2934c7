"""Logs, records and folders of a stack."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from mercato.stack import logs, state
from mercato.stack.errors import StackMisconfigured
from mercato.stack.local import LocalStack
from mercato.stack.site import default_home, write_atomically


def test_a_big_log_makes_room_for_a_new_one_and_is_kept_once(tmp_path: Path) -> None:
    for mark in (b"first", b"second", b"third"):
        with logs.open_log(tmp_path, "auth") as log:
            log.write(mark + b"\n" * (6 * 2**20))
    assert (tmp_path / "auth.log").read_bytes().startswith(b"third")
    assert (tmp_path / "auth.log.1").read_bytes().startswith(b"second")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_small_log_goes_on(tmp_path: Path) -> None:
    for mark in (b"first\n", b"second\n"):
        with logs.open_log(tmp_path, "auth") as log:
            log.write(mark)
    assert (tmp_path / "auth.log").read_bytes() == b"first\nsecond\n"


def test_a_log_that_outgrows_its_bound_is_cut_under_its_writer(tmp_path: Path) -> None:
    with logs.open_log(tmp_path, "auth") as log:
        os.truncate(tmp_path / "auth.log", 51 * 2**20)
        logs.bound(tmp_path)
        log.write(b"goes on\n")
    assert (tmp_path / "auth.log").read_bytes() == b"goes on\n"


def test_the_last_line_of_a_log_is_the_last_that_says_something(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text("Traceback\n  File x\nConnectionRefusedError: port 1\n\n}\n")
    assert logs.last_line(path) == "ConnectionRefusedError: port 1"
    assert logs.last_line(tmp_path / "none.log") == "it logged nothing"


def test_tail_gives_the_last_lines_in_order(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text("".join(f"{i}\n" for i in range(1000)))
    assert logs.tail(path, 3) == ["997", "998", "999"]


def test_a_record_comes_back_as_it_was_and_is_for_its_owner_only(tmp_path: Path) -> None:
    part = state.ProcessRecord("auth", "service", "ready", 9051, 4, 5, "boot", 2, "exited with code 1", 0.5)
    me = state.ProcessRecord("supervisor", "supervisor", "ready", 0, 1, 2, "boot")
    record = state.StackRecord("ready", me, (part,), {"MERCATO_POSTGRES_PASSWORD": "secret"})
    state.write(tmp_path, record)
    assert state.read(tmp_path) == record
    assert stat.S_IMODE(state.path_of(tmp_path).stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", "{", '{"phase": 3}'])
def test_a_record_that_cannot_be_read_is_none(tmp_path: Path, content: str) -> None:
    state.path_of(tmp_path).write_text(content)
    assert state.read(tmp_path) is None
    assert state.read(tmp_path / "nowhere") is None


def test_a_file_is_replaced_whole_and_leaves_no_scratch(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_home_is_where_the_environment_says() -> None:
    assert default_home({"MERCATO_HOME": "/srv/mercato"}) == Path("/srv/mercato")
    assert default_home({}).name == ".mercato"


def test_a_service_that_does_not_exist_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(StackMisconfigured, match=r"NO_SUCH_SERVICE: autth: there are gateway, auth"):
        LocalStack(tmp_path, services=["users+autth"])
