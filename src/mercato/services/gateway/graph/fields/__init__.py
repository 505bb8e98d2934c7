"""Fields of the schema's types that are more than an attribute: ids, relations, connections.

Resolvers are plain functions of (object, info, arguments) that use `info.context` and nothing else of `info`, so that
any executor can call them.
"""

from __future__ import annotations

from ariadne import SchemaBindable

from mercato.services.gateway.graph.fields import connections, ids, market, people, sync

_MODULES = (ids, people, market, sync, connections)

FIELDS: list[SchemaBindable] = list(dict.fromkeys(bound for module in _MODULES for bound in module.BOUND))
