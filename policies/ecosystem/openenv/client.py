"""The client's side: a typed `EnvClient`."""

from typing import Any, Final

from openenv.core import EnvClient
from openenv.core.client_types import StepResult

from policies.ecosystem.openenv.messages import KernelAction, KernelObservation, KernelState

PATIENCE_S: Final = 600.0
"""Seconds that an answer may take unless the caller says otherwise: an evaluation may wait for others before it."""


class KernelClient(EnvClient[KernelAction, KernelObservation, KernelState]):
    """A session on a server. Asynchronous; `.sync()` gives a synchronous one.

        with KernelClient(server.url).sync() as env:
            result = env.reset(problem="core/softmax")
            result = env.step(KernelAction(completion=...))

    Args:
        base_url: Where the server is, e.g. `http://127.0.0.1:8000`.
        options: What else OpenEnv's `EnvClient` takes, e.g. `headers` for a server with a token.
    """

    def __init__(self, base_url: str | None = None, **options: Any) -> None:
        super().__init__(base_url, **{"message_timeout_s": PATIENCE_S} | options)

    def _step_payload(self, action: KernelAction) -> dict[str, Any]:
        return dict(action.model_dump())

    def _parse_result(self, payload: dict[str, Any]) -> StepResult[KernelObservation]:
        outer = {"reward": payload.get("reward"), "done": payload.get("done", False)}
        observation = KernelObservation.model_validate(payload["observation"] | outer)
        return StepResult(observation=observation, **outer)

    def _parse_state(self, payload: dict[str, Any]) -> KernelState:
        state: KernelState = KernelState.model_validate(payload)
        return state
