"""GET /healthz: for whoever watches the process; needs no caller."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.context import services_of
from services.health import Examiner, Health

ROUTER = APIRouter(tags=["health"])


@ROUTER.get("/healthz", responses={503: {"model": Health, "description": "Broken, or it cannot be told."}})
def healthz(request: Request, response: Response) -> Health:
    """Whether services work: 200 only where everything does."""
    health = services_of(request).one(Examiner, Examiner).health()
    response.status_code = 200 if health.state == "ok" else 503
    return health
