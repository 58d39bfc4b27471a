"""For whatever watches over services: is it well, does it answer, and its numbers."""

from fastapi import APIRouter, Response

from mediaindex.api.house import Here
from mediaindex.api.plain import Plain
from mediaindex.api.problems import Problem
from mediaindex.api.shapes import HealthAnswer, ReadyAnswer

router = APIRouter(tags=["health"])

TEXT = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/health", response_model=HealthAnswer)
async def health(here: Here) -> Plain:
    """Tell whether the process lives and its work does not hang; no token is needed."""
    if not here.is_alive():
        raise Problem(503, "Hung", "the daemon's work hangs; its log says where")
    return Plain({"healthy": True})


@router.get("/ready", response_model=ReadyAnswer)
def ready(here: Here) -> Plain:
    """Tell whether questions are answered; no token is needed."""
    phase = "stopping" if here.closing.is_set() else here.service.state().phase
    if phase in ("starting", "stopping"):
        raise Problem(503, "NotReady", f"the daemon is {phase}")
    return Plain({"ready": True})


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(here: Here) -> Response:
    """Give all numbers in Prometheus' text format; on TCP the token is needed."""
    return Response(here.metrics.text(), headers={"Content-Type": TEXT})
