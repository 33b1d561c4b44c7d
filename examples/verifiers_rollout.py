"""Rollouts of a model by the library verifiers.

    pip install 'kernelgym[verifiers]'
    python examples/verifiers_rollout.py http://127.0.0.1:8000/v1 MODEL

The model is behind any OpenAI-compatible server; its key is read from `OPENAI_API_KEY`. Runs on a CPU.
"""

import asyncio
import sys

import verifiers.v1 as vf

from policies.ecosystem.verifiers import load_environment


async def main(url: str, model: str) -> None:
    env = load_environment(problems="core/add_relu", max_turns=3, workers=1)
    context = vf.ModelContext(model=model, client=vf.EvalClientConfig(base_url=url, api_key_var="OPENAI_API_KEY"))
    async with env.serving():
        for task in env.taskset:
            for slot in env.slots(task, n=1):
                episode = await env.run_slot(slot, context)
                for trace in episode.traces:
                    print(f"{task.key}: reward {trace.reward:.2f}, ok {trace.ok}")
                    for turn in trace.info["turns"]:
                        print(f"  {turn['outcome']}: reward {turn['reward']:.2f}, speedup {turn['speedup']}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
