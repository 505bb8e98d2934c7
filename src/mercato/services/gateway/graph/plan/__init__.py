"""Compiled queries: a document becomes steps that resolve each field for all objects of a level at once.

`Plan.find` gives the plan of an operation, or None for what only the reference executor runs (see coverage.py).
Answers are those of graphql-core: the same data, and for each null that a failure made, one error that explains it.
"""

from __future__ import annotations

from mercato.services.gateway.graph.plan.plan import Plan

__all__ = ["Plan"]
