"""Statements that are put together from the conditions a caller asked for."""

from __future__ import annotations

from mercato.services.catalog.model.views import Scope


class Arguments:
    """Collects values and gives their placeholders, so that no value is ever part of a statement's text."""

    def __init__(self, *values: object) -> None:
        self.values: list[object] = list(values)

    def __call__(self, value: object, sql_type: str) -> str:
        self.values.append(value)
        return f"${len(self.values)}::{sql_type}"

    def numeric(self, digits: str) -> str:
        """A numeric from decimal text, which the driver would want as Decimal."""
        return self(digits, "text") + "::numeric"


def all_of(conditions: list[str]) -> str:
    return " AND ".join(conditions) or "true"


def in_scope(arguments: Arguments, scope: Scope, table: str) -> list[str]:
    """Conditions on `table`.collection_ref and `table`.token_id. One contract is looked up first; a chain is a set."""
    if scope.chain is None:
        return []
    chain_ref = f"(SELECT chain_ref FROM sync_state WHERE chain_number = {arguments(int(scope.chain), 'bigint')})"
    if scope.contract is None:
        return [f"{table}.collection_ref IN (SELECT collection_ref FROM collections WHERE chain_ref = {chain_ref})"]
    contract = arguments(scope.contract, "bytea")
    found = f"(SELECT collection_ref FROM collections WHERE chain_ref = {chain_ref} AND contract = {contract})"
    conditions = [f"{table}.collection_ref = {found}"]
    if scope.token_id is not None:
        conditions.append(f"{table}.token_id = {arguments.numeric(scope.token_id)}")
    return conditions
