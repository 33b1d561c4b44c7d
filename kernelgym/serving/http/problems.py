"""Routes of problems: what there is to solve."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from kernelgym.problems import Problem
from kernelgym.serving.http.front import front_of
from kernelgym.serving.http.guard import GuardedRoute, guarded
from kernelgym.serving.http.replies import reply
from kernelgym.serving.http.tokens import Scope
from kernelgym.serving.http.wire import ProblemLine, ProblemOut, ProblemsOut

router = APIRouter(prefix="/v1/problems", tags=["problems"], route_class=GuardedRoute)

Selection = Annotated[
    str, Query(max_length=500, description="Terms such as `core`, `core/*`, `core/softmax`, separated by commas.")
]


@router.get("", response_model=ProblemsOut, openapi_extra=guarded(Scope.READ))
async def problems(request: Request, selection: Selection = "*") -> Response:
    """Lists the server's problems, sorted by id."""
    front = front_of(request)
    found = await front.threads.run(front.catalogue.select, selection)
    return reply(ProblemsOut(problems=tuple(_line(problem) for problem in found)))


@router.get("/{id:path}", response_model=ProblemOut, openapi_extra=guarded(Scope.READ))
async def problem(
    request: Request, id: Annotated[str, Path(max_length=500, description="Its id, e.g. `core/softmax`.")]
) -> Response:
    """Shows one problem, with its reference."""
    front = front_of(request)
    found = await front.threads.run(front.catalogue.problem, id)
    return reply(ProblemOut(**dict(_line(found)), reference=found.reference))


def _line(problem: Problem) -> ProblemLine:
    return ProblemLine(
        id=problem.id, title=problem.title, tags=problem.tags, level=problem.level, difficulty=problem.difficulty,
        digest=problem.reference.digest,
    )  # fmt: skip
