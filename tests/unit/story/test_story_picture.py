"""The picture that the story uploads is a real PNG, another one for each wallet."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mercato.story.play import small_png

_SEED = bytes(range(20))


def test_every_pixel_decodes() -> None:
    with Image.open(io.BytesIO(small_png(_SEED, size=64))) as image:
        image.load()
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (64, 64))


def test_every_checksum_is_right() -> None:
    with Image.open(io.BytesIO(small_png(_SEED))) as image:
        image.verify()


def test_the_colours_follow_from_the_seed() -> None:
    with Image.open(io.BytesIO(small_png(_SEED))) as image:
        assert image.getpixel((16, 8)) == (_SEED[1], _SEED[2], 16 * 8)


@given(st.binary(min_size=20, max_size=20), st.binary(min_size=20, max_size=20))
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(one: bytes, other: bytes) -> None:
    assert small_png(one) == small_png(one)
    # 64 pixels in stripes of 8 show the first eight bytes of a seed.
    assert (small_png(one) == small_png(other)) == (one[:8] == other[:8])
