"""The local stack: real servers and services as supervised child processes, with their data in one folder."""

from mercato.stack.errors import StackFailed, StackMisconfigured
from mercato.stack.local import LocalStack
from mercato.stack.ports import Ports

__all__ = ["LocalStack", "Ports", "StackFailed", "StackMisconfigured"]
