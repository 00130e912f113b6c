"""Figures for Prometheus, in a registry of the app's own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from resona_core.serve.api.line import WaitingLine

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Requests by route and status, their duration, and the waiting line."""

    def __init__(self, line: WaitingLine) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "resona_requests", "Requests answered", ("route", "status"), registry=self._registry
        )
        self._duration_s = Histogram(
            "resona_request_seconds",
            "Time from the first byte to the last",
            ("route",),
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        working = Gauge("resona_working", "Requests in progress", registry=self._registry)
        working.set_function(lambda: line.working)
        inside = Gauge(
            "resona_inside", "Requests uploading, waiting or in progress", registry=self._registry
        )
        inside.set_function(lambda: line.inside)

    def observe(self, route: str, status: int, duration_s: float) -> None:
        """Count one request; `route` is a template, so that the number of series is bounded."""
        self._requests.labels(route, str(status)).inc()
        self._duration_s.labels(route).observe(duration_s)

    def text(self) -> bytes:
        """Return Prometheus' text format."""
        return generate_latest(self._registry)
