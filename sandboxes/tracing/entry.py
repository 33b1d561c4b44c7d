"""The sandbox's entry point: request bytes in, answer bytes out.

Everything the candidate raises ends here, in the one place that is allowed to catch everything: a candidate's exception
is data, whatever its type.
"""

import time
from itertools import groupby
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch._library.triton import set_wrap_triton_enabled
from torch._subclasses.fake_tensor import FakeTensorMode

from sandboxes.contracts import Argument, ArgumentSequence, Case, TensorSpec, Trace
from sandboxes.tracing import driver, virtual_cuda
from sandboxes.tracing.building import build, import_candidate, model_class
from sandboxes.tracing.confirmation import explain_number, first_difference, leaked
from sandboxes.tracing.example import EXAMPLE
from sandboxes.tracing.explain import explain
from sandboxes.tracing.line import CANDIDATE_FILE
from sandboxes.tracing.recorder import ConstantPool, Recorder
from sandboxes.tracing.scalars import KINDS
from sandboxes.tracing.state import State
from sandboxes.tracing.untraceable import Untraceable
from sandboxes.tracing.wire import ModuleKey, TraceAnswer, TraceRequest, decode_answer, encode_answer


def trace_submission(request: bytes) -> bytes:
    """Traces one candidate at every case.

    Args:
        request: A `TraceRequest` as JSON.

    Returns:
        A `TraceAnswer` with its constants (see `wire`).
    """
    start = time.perf_counter()
    job = TraceRequest.model_validate_json(request)
    session = _Session(job, Path.cwd())
    try:
        traces = session.run()
    except BaseException as error:  # noqa: BLE001 # the boundary: the candidate may raise anything, SystemExit too
        failure = explain(error, stage=session.stage, case=session.case, source=job.submission.source)
        return encode_answer(TraceAnswer(failure=failure), [])
    blobs = [_blob(pool) for pool in session.pools.values()]
    answer = TraceAnswer(
        traces=tuple(traces),
        blob_modules=tuple(session.pools),
        blob_bytes=tuple(len(blob) for blob in blobs),
        timings_s={"total": time.perf_counter() - start},
    )
    return encode_answer(answer, blobs)


def _blob(pool: ConstantPool) -> bytes:
    """Returns the constants' data; strides are dropped, the trace says them."""
    copies = {key: tensor.contiguous().clone() for key, tensor in pool.tensors.items()}
    data: bytes = safetensors.torch.save(copies)
    return data


class _FakeMode(FakeTensorMode):  # type: ignore[no-untyped-call] # torch leaves __init_subclass__ untyped
    """Fake tensors of a GPU that is never touched, whatever the virtual `torch.cuda` says."""

    avoid_device_init = True


class _Session:
    """One candidate, from source to traces; `stage` and `case` tell how far it came."""

    def __init__(self, job: TraceRequest, folder: Path) -> None:
        self.job = job
        self.folder = folder
        self.stage: str = "import"
        self.case: str | None = None
        self.pools: dict[ModuleKey, ConstantPool] = {}

    def run(self) -> list[Trace]:
        """Returns the traces, all cases under the first seed first."""
        virtual_cuda.install(self.job.target)
        driver.install(self.job.target, _Launches())
        self.module = import_candidate(self.job.submission.source, self.folder)
        cls = model_class(self.module)
        imported = State(self.module)
        traces: list[Trace] = []
        first, *others = self.job.weight_seeds
        for group, cases in groupby(self.job.cases, key=lambda case: (case.module, case.hollow)):
            traces += self._trace_module(cls, (group[0], first), list(cases), imported)
        for seed in others:
            case = self.job.cases[0]
            traces += self._trace_module(cls, (case.module, seed), [case], imported)
        return traces

    def _trace_module(
        self, cls: type[torch.nn.Module], key: ModuleKey, cases: list[Case], imported: State
    ) -> list[Trace]:
        """Returns the traces of cases that share a module."""
        self.stage, self.case = "init", None
        mode = _FakeMode()
        pool = ConstantPool(mode)
        model = self._build(cls, key, cases[0], pool, mode, imported)
        self.stage = "forward"
        if not cases[0].hollow:
            self.pools[key] = pool
        built = State(self.module, model)
        traces: list[Trace] = []
        for case in cases:
            self.case = case.name
            trace, has_scalars = self._trace(model, case, key[1], mode, pool)
            built.restore()
            if has_scalars:
                self._confirm(trace, model, mode, pool, case, built)
            traces.append(trace)
        return traces

    def _confirm(
        self,
        trace: Trace,
        model: torch.nn.Module,
        mode: FakeTensorMode,
        pool: ConstantPool,
        case: Case,
        built: State,
    ) -> None:
        """Traces again, with other numbers in place of those that are read from tensors: nothing may change.

        Raises:
            Untraceable: Something does, so a number took part in what the trace does not show.
        """
        kept = set(pool.tensors)
        for numbers in range(1, KINDS):
            try:
                again, _ = self._trace(model, case, trace.weight_seed, mode, pool, numbers)
            except Untraceable:
                raise
            except Exception as error:  # noqa: BLE001 # the first time there was none
                raise leaked("that `forward` raises an exception").with_traceback(error.__traceback__) from None
            built.restore()
            difference = first_difference(trace, again, pool.tensors)
            for key in set(pool.tensors) - kept:
                del pool.tensors[key]
            if difference is not None:
                raise difference

    def _build(
        self,
        cls: type[torch.nn.Module],
        key: ModuleKey,
        case: Case,
        pool: ConstantPool,
        mode: FakeTensorMode,
        imported: State,
    ) -> torch.nn.Module:
        """Returns the candidate's module, for a hollow case without data unless its constructor needs some."""
        arguments = [_literal(item) for item in case.init_inputs]
        imported.restore()
        if case.hollow:
            try:
                with mode:
                    return build(cls, arguments, key[1], pool)
            except Exception:  # noqa: BLE001 # whatever it is, building with data decides
                imported.restore()
        return build(cls, arguments, key[1], pool)

    def _trace(
        self,
        model: torch.nn.Module,
        case: Case,
        seed: int,
        mode: FakeTensorMode,
        pool: ConstantPool,
        numbers: int = 0,
    ) -> tuple[Trace, bool]:
        """Returns the trace of a case, and whether numbers are read from tensors in it."""
        recorder = Recorder(pool, numbers)
        with mode:
            inputs = [_materialise(item) for item in case.inputs]
        arguments = tuple(recorder.argument(item, new=True) for item in inputs)
        virtual_cuda.Stage.recorder = recorder
        try:
            with mode, recorder, torch.no_grad(), set_wrap_triton_enabled(False):
                output = model(*inputs)
        except Exception as error:
            explain_number(error, recorder.scalars)
            raise
        finally:
            virtual_cuda.Stage.recorder = None
        trace = Trace(
            case=case.name,
            weight_seed=seed,
            inputs=arguments,
            output=_returned(output, recorder),
            values=tuple(recorder.values),
            constants=tuple(recorder.constants),
            nodes=tuple(
                node.model_copy(update={"variants": tuple(self._portable(variant) for variant in node.variants)})
                if node.kind == "launch"
                else node
                for node in recorder.nodes
            ),
        )
        return trace, bool(recorder.scalars)

    def _portable(self, variant: Any) -> Any:
        """Takes the private folder out of source locations, so that equal programs have equal text."""
        text = variant.ttir.replace(f'"{self.folder / CANDIDATE_FILE}"', f'"{CANDIDATE_FILE}"')
        return variant.model_copy(update={"ttir": text})


class _Launches:
    """Passes launches on to the recording that is under way."""

    def launched(self, launch: driver.RecordedLaunch) -> None:
        """See `driver.LaunchLog`."""
        recorder = virtual_cuda.Stage.recorder
        if recorder is None:
            raise Untraceable("a kernel is launched outside `forward`", "Launch kernels in `forward` only.")
        recorder.launched(launch)


def _returned(output: Any, recorder: Recorder) -> Argument:
    """Returns what `forward` returned as plain data."""
    try:
        return recorder.argument(output)
    except (Untraceable, RecursionError) as error:
        hint = "Return a tensor, or a tuple or list of tensors."
        if isinstance(error, Untraceable) and isinstance(output, torch.Tensor):
            hint = error.hint
        raise Untraceable(
            f"the output of `forward` ({type(output).__name__}) can't be recorded: {error}",
            hint,
        ) from None


def _materialise(item: Argument) -> Any:
    """Returns the argument for `forward`: fake CUDA tensors for specifications, everything else as it is."""
    if isinstance(item, TensorSpec):
        dtype = getattr(torch, item.dtype)
        if item.offset == 0:
            return torch.empty_strided(item.shape, item.stride, dtype=dtype, device="cuda")
        return torch.empty(item.extent, dtype=dtype, device="cuda").as_strided(item.shape, item.stride, item.offset)
    return _literal(item, _materialise)


def _literal(item: Argument, element: Any = None) -> Any:
    """Returns plain values as they are and sequences as tuples and lists."""
    if isinstance(item, ArgumentSequence):
        values = [(element or _literal)(value) for value in item.items]
        return tuple(values) if item.kind == "tuple" else values
    return item


def warm() -> None:
    """Pays for imports and first uses once, in the zygote, by tracing an example.

    Raises:
        RuntimeError: The tracer can't trace its own example, so it can't trace anything.
    """
    answer, _ = decode_answer(trace_submission(EXAMPLE.model_dump_json().encode()))
    if answer.failure is not None:
        raise RuntimeError(f"the tracer fails on its own example: {answer.failure.message}")
