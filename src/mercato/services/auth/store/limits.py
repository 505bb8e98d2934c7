"""Sliding-window limits in Redis, ``rate:auth:{kind}:{value}``: the times of the requests let through lately.

Anybody may ask for a nonce of anybody's wallet, so a limit on a wallet is also a way to keep its owner out. Hence it is
wider than what one network may ask, and does not hold where the wallet signed in lately: ``rate:auth:known:{wallet}
{network}``.
"""

from __future__ import annotations

from collections.abc import Mapping

from redis.exceptions import RedisError

from mercato.kit.errors import RateLimited
from mercato.kit.ids import new_id
from mercato.kit.logging import Logger
from mercato.kit.redis import Redis

WINDOW = 60.0
"""Seconds."""

# All keys of a request are judged together, and it is counted on all of them or on none. What is refused is not
# counted, so a caller who waits `retry_after` gets in. Time is the server's own: callers' clocks do not matter.
_ADMIT = """
local now = redis.call('TIME')
now = now[1] * 1000000 + now[2]
local window = tonumber(ARGV[1])
local wait = 0
for i, key in ipairs(KEYS) do
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
    if redis.call('ZCARD', key) >= tonumber(ARGV[i + 2]) then
        local oldest = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
        wait = math.max(wait, oldest[2] + window - now)
    end
end
if wait > 0 then
    return wait
end
for _, key in ipairs(KEYS) do
    redis.call('ZADD', key, now, ARGV[2])
    redis.call('PEXPIRE', key, math.ceil(window / 1000))
end
return 0
"""


_KNOWN_FOR = 30 * 86400  # seconds
_IP, _ADDRESS = "ip", "address"


class RateLimiter:
    """At most `limit` requests in any `window` seconds for each value of each kind, `address_limit` for addresses."""

    def __init__(self, redis: Redis, limit: int, address_limit: int, log: Logger, window: float = WINDOW) -> None:
        self._redis = redis
        self._admit = redis.register_script(_ADMIT)
        self._limit = limit
        self._address_limit = address_limit
        self._log = log
        self._window = int(window * 1_000_000)

    async def charge(self, who: Mapping[str, str]) -> None:
        """Counts a request against each (kind, value) with a value. Raises `RateLimited` TOO_MANY_ATTEMPTS with
        `retry_after` in whole seconds.

        While Redis is away every request is let through and that is logged: nonces and signatures still guard the
        door, and a cache that is down must not lock everybody out.
        """
        counted = {kind: value for kind, value in who.items() if value}
        if not counted:
            return
        try:
            if await self._is_known(counted):
                del counted[_ADDRESS]
            keys = [f"rate:auth:{kind}:{value}" for kind, value in counted.items()]
            limits = [self._address_limit if kind == _ADDRESS else self._limit for kind in counted]
            wait = await self._admit(keys=keys, args=[self._window, new_id().hex, *limits])
        except (RedisError, OSError) as error:
            self._log.warning("rate limit not checked", error=repr(error))
            return
        if wait > 0:
            seconds = -(-int(wait) // 1_000_000)
            raise RateLimited(
                "TOO_MANY_ATTEMPTS", f"too many sign-in requests; try again in {seconds} s", retry_after=str(seconds)
            )

    async def trust(self, network: str, address: str) -> None:
        """From now on this address is not held to its limit in the network that it has just signed in from."""
        try:
            await self._redis.set(_known(network, address), "1", ex=_KNOWN_FOR)
        except (RedisError, OSError) as error:
            self._log.warning("known network not written", error=repr(error))

    async def _is_known(self, who: Mapping[str, str]) -> bool:
        network, address = who.get(_IP), who.get(_ADDRESS)
        return bool(network and address and await self._redis.exists(_known(network, address)))


def _known(network: str, address: str) -> str:
    return f"rate:auth:known:{address} {network}"
