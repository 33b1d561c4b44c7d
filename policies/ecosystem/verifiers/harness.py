"""The agent's program: one request to the model per turn, made in this process.

verifiers' own chat program (`null`) does the same in a process that `uv` starts, with packages that it installs. An
episode needs neither tools nor a box, because the model's code is only run by the evaluator's sandbox.
"""

from typing import Any, Final

import httpx
import verifiers.v1 as vf
from verifiers.v1.dialects.chat import message_to_wire

SHOWN: Final = 2000
"""Characters of a refusal that are reported."""


class ChatHarness(vf.Harness[vf.HarnessConfig]):
    """Sends the conversation to the model and returns; the environment writes the next message."""

    APPENDS_SYSTEM_PROMPT = True
    SUPPORTS_RESUME = True
    EXECUTES_CODE = False
    NEEDS_CONTAINER = False

    async def launch(
        self, ctx: Any, trace: vf.Trace, runtime: vf.Runtime, endpoint: str, secret: str, mcp_urls: dict[str, str],
        data: vf.TaskData,
    ) -> vf.ProgramResult:  # fmt: skip
        """Asks for one completion, which verifiers writes down on its way."""
        system, prompt = self.resolve_prompt(data)
        messages = [] if system is None else [{"role": "system", "content": system}]
        if isinstance(prompt, str):
            messages.append({"role": "user", "content": prompt})
        else:
            messages += [message_to_wire(message) for message in prompt or []]
        body = {"model": ctx.model, "messages": messages}
        headers = {"Authorization": f"Bearer {secret}"}
        # No limit of time: verifiers has its own for a rollout. No proxy: the endpoint is this process's.
        async with httpx.AsyncClient(timeout=None, trust_env=False) as client:
            answer = await client.post(f"{endpoint}/chat/completions", json=body, headers=headers)
        text = answer.text[:SHOWN]
        return vf.ProgramResult(exit_code=int(answer.is_error), stdout="", stderr=text if answer.is_error else "")
