"""Media types, bodies and media paths at the HTTP edge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.kit.errors import InvalidArgument, Unauthenticated
from mercato.services.gateway.http import answers, bodies
from mercato.services.gateway.http.graphql import parse_request
from mercato.services.gateway.http.sessions import bearer
from mercato.services.gateway.model.media_paths import find_url, is_path

CID = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"


@given(st.text(max_size=60))
def test_any_accept_header_is_answered_or_refused(accept: str) -> None:
    assert answers.media_type(accept) in {None, answers.JSON, answers.GRAPHQL_JSON}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda c: st.lists(c) | st.dictionaries(st.text(max_size=3), c),
        max_leaves=8,
    )
)
def test_any_json_body_is_a_request_or_refused(body: object) -> None:
    reason = ""
    try:
        parse_request(body)
    except InvalidArgument as error:
        reason = error.reason
    assert reason in {"", "REQUEST_INVALID", "BATCHING_REFUSED"}


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        (b'{"a": "b\\u0000"}', True), (b'{"a\\u0000": 1}', True), (b'[["\\u0000"]]', True),
        (b'{"a": "\\\\u0000"}', False), (b'{"a": "b"}', False),
    ],
)  # fmt: skip
def test_only_a_real_nul_character_is_refused(body: bytes, refused: bool) -> None:
    for given_as in (body, body.decode()):
        if refused:
            with pytest.raises(InvalidArgument, match="INVALID_TEXT"):
                bodies.parse_json(given_as)
        else:
            bodies.parse_json(given_as)


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        (f"ipfs://{CID}", f"/media/{CID}"), (f"ipfs://{CID}/1", f"/media/{CID}/1"),
        (f"ipfs://ipfs/{CID}", f"/media/{CID}"), (f"ipfs://{CID}/", f"/media/{CID}"), (f"ipfs://{CID}/../x", None),
        (f"ipfs://{CID}/a b", None), ("ipfs://", None),
        ("https://example.org/1.png", None), ("data:image/png;base64,AA", None), (None, None), ("", None),
    ],
)  # fmt: skip
def test_only_stored_files_have_a_url_here(uri: str | None, url: str | None) -> None:
    assert find_url(uri) == url


@pytest.mark.parametrize(
    "path", ["..", f"{CID}/..", f"{CID}/.", f"{CID}//x", f"{CID}/x/y", f"/{CID}", f"{CID}\n", "x", ""]
)
def test_paths_that_lead_elsewhere_are_no_paths(path: str) -> None:
    assert not is_path(path)


@pytest.mark.parametrize(("value", "token"), [(None, None), ("", None), ("Bearer abc", "abc"), ("bearer  abc ", "abc")])
def test_bearer_tokens(value: str | None, token: str | None) -> None:
    assert bearer(value) == token


@pytest.mark.parametrize("value", ["abc", "Basic abc", "Bearer", "Bearer  "])
def test_other_credentials_are_refused(value: str) -> None:
    with pytest.raises(Unauthenticated, match="AUTHORIZATION_INVALID"):
        bearer(value)
