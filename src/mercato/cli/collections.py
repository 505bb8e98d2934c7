"""`mercato collections`: bring in contracts that exist, and see how far their history is read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mercato.kit import grpc
from mercato.kit.errors import NotFound
from mercato.kit.ids import Address, ChainId
from mercato.kit.settings import Settings
from mercato.rpc.common.v1 import common_pb2
from mercato.rpc.indexer.v1 import indexer_pb2 as pb
from mercato.rpc.indexer.v1.indexer_pb2_grpc import IndexerServiceStub

if TYPE_CHECKING:
    from mercato.rpc.indexer.v1.indexer_pb2_grpc import IndexerServiceAsyncStub

app = App(name="collections", help="Bring in existing contracts, and see how far their history is read.")

_LOOK = 0.5
_PAGE = 100
_STANDARDS = {common_pb2.STANDARD_ERC721: "ERC-721", common_pb2.STANDARD_ERC1155: "ERC-1155"}

_out = Console(highlight=False)


@app.command(name="import")
def import_collection(
    chain: Annotated[str, Parameter(help="CAIP-2 id, for example eip155:1.")],
    address: Annotated[str, Parameter(help="Address of the contract.")],
    *,
    from_block: Annotated[int | None, Parameter(help="Where its history begins; else where it was deployed.")] = None,
) -> None:
    """Follow an ERC-721 or ERC-1155 contract and read its history; shows the progress until all of it is read.

    Leaving with Ctrl-C does not stop the import: `mercato collections imports` shows how far it is.
    """
    request = pb.ImportCollectionRequest(
        chain_id=ChainId.parse(chain).caip2, contract=Address.parse(address), from_block=from_block
    )

    async def bring_in(indexer: IndexerServiceAsyncStub) -> None:
        started = (await indexer.ImportCollection(request)).imported
        await _watch(indexer, started)

    _with_indexer(bring_in)


@app.command(name="imports")
def list_imports(
    *, chain: Annotated[str | None, Parameter(help="Only this chain, for example eip155:1.")] = None
) -> None:
    """Show what was brought in, newest first: contract, state, blocks and facts read, and what holds it up."""

    async def look(indexer: IndexerServiceAsyncStub) -> None:
        chain_id, after = ChainId.parse(chain).caip2 if chain else "", ""
        while True:
            page = common_pb2.PageRequest(first=_PAGE, after=after)
            answer = await indexer.ListImports(pb.ListImportsRequest(chain_id=chain_id, page=page))
            for one in answer.imports:
                _out.print(_line(one), markup=False, soft_wrap=True)
            if not answer.page.has_next_page:
                break
            after = answer.page.end_cursor
        if not (after or answer.imports):
            _out.print("nothing was imported")

    _with_indexer(look)


async def _watch(indexer: IndexerServiceAsyncStub, one: pb.CollectionImport) -> None:
    """A bar until the history is read."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TextColumn("blocks"))
    with Progress(*columns, TimeRemainingColumn(), console=_out) as progress:
        task = progress.add_task(_title(one), total=None)
        while True:
            total = one.blocks_total or None
            progress.update(task, description=_title(one), completed=one.blocks_read, total=total)
            if one.state == "done":
                break
            await asyncio.sleep(_LOOK)
            one = await _get(indexer, one)
        progress.update(task, completed=one.blocks_total or 1, total=one.blocks_total or 1)
    history = f"{one.blocks_read} blocks of history, {one.facts_published} facts"
    _out.print(f"{_name(one)} is imported: {history}", markup=False)


async def _get(indexer: IndexerServiceAsyncStub, one: pb.CollectionImport) -> pb.CollectionImport:
    answer = await indexer.ListImports(pb.ListImportsRequest(chain_id=one.chain_id, contract=one.contract))
    for found in answer.imports:
        return found
    raise NotFound("IMPORT_UNKNOWN", f"the import of {_name(one)} is gone; start it again")


def _title(one: pb.CollectionImport) -> str:
    return f"{_name(one)}: {one.state}" + (f" ({one.reason[:60]})" if one.reason else "")


def _name(one: pb.CollectionImport) -> str:
    """Without what would steer a terminal: strangers chose it."""
    return _printable(one.name) or Address(one.contract).checksum


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())


def _line(one: pb.CollectionImport) -> str:
    """Everything on one line that programs can cut up, too: a table of addresses is wider than most screens."""
    progress = f"{one.blocks_read} of {one.blocks_total} blocks, {one.facts_published} facts"
    trouble = f"; held up: {one.reason}" if one.reason else ""
    what = f"{Address(one.contract).checksum} {_STANDARDS.get(one.standard, '?')} {_printable(one.name)}"
    return f"{one.chain_id} {what}: {one.state}, {progress}{trouble}"


def _with_indexer(act: Callable[[IndexerServiceAsyncStub], Awaitable[None]]) -> None:
    async def run() -> None:
        async with grpc.connected(Settings(), "indexer", IndexerServiceStub) as indexer:
            await act(indexer)

    asyncio.run(run())
