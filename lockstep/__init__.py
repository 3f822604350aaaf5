"""Lockstep: do the BGP session, the TCP connection and the IKE security associations of draft-ward-bgp-ipsec stay in step?

    import lockstep
    report = lockstep.verify("teardown", preset="draft")
    report.of("no-plaintext-out").verdict
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Limits", "__version__", "replay", "verify"]

if TYPE_CHECKING:
    from lockstep.api import replay, verify
    from lockstep.jobs import Limits


def __getattr__(name: str) -> Any:
    """The API is imported when it is first used: building and checking the tables takes a second."""
    if name in ("verify", "replay", "Limits"):
        from lockstep import api

        return getattr(api, name)
    raise AttributeError(f"module 'lockstep' has no attribute {name!r}")
