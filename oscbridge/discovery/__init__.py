"""Discovery: announce services in the local network, browse and follow them (mDNS, DNS-SD).

RFC 6762 and RFC 6763, with the package ``zeroconf``, which is imported by the first use only.
"""

from __future__ import annotations
