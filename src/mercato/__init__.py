"""Mercato: a self-hosted NFT marketplace backend. Start reading at docs/architecture.md."""
