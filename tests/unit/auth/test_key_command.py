"""`mercato keys new` prints what MERCATO_JWT_PRIVATE_KEY takes."""

from __future__ import annotations

import pytest

from mercato.cli.keys import new
from mercato.services.auth.model.tokens import SigningKey


def test_printed_keys_are_new_ones_and_can_be_put_one_after_another(capsys: pytest.CaptureFixture[str]) -> None:
    new()
    new()
    first, second = SigningKey.all_from_pem(capsys.readouterr().out.encode())
    assert first.kid != second.kid
