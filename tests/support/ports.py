"""Ports for programs that cannot choose one themselves."""

from oscbridge.testing import free_port

__all__ = ["free_port"]
