"""A reference brought to life: its cases, its inputs, and the truth it defines. Trusted code, on the CPU."""

import copy
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import torch
from pydantic import ValidationError
from torch import nn

from sandboxes.contracts import Case, CaseKind, Precision, Reference, Trace
from sandboxes.distributions import Distribution, Domain, input_domains, redistribute
from sandboxes.errors import InvalidReference
from sandboxes.fake_mode import FakeMode
from sandboxes.nested import labelled, to_double
from sandboxes.precision import MatmulPrecision
from sandboxes.reference_module import ReferenceModule, placed, seed_cpu, seed_everything, shape_words, unusable
from sandboxes.scaling.knobs import find_knobs

MAX_KEPT_WEIGHTS: Final = 2**18
"""Weights of a module, in elements, up to which it is kept between evaluations."""

STEADY: Final = 2e-5
"""Error relative to the root mean square of an output up to which a reference counts as accurate."""


class LiveReference:
    """A reference whose source has been executed.

    Args:
        reference: What to execute, with `check_constants` unless its source has `CHECK_SHAPES`.

    Raises:
        InvalidReference: Something is missing, or its code raises.
    """

    def __init__(self, reference: Reference) -> None:
        self.id = reference.id
        self.digest = reference.digest
        self._source = reference.source
        self._modules = [ReferenceModule(reference, {})]
        self.cases = self._cases(reference)
        self.graphs: dict[str, Trace] = {}
        """What `trace_reference` has recorded, by case."""
        self._models: dict[tuple[int, int], nn.Module] = {}
        self._stateful: dict[int, bool] = {}

    @property
    def _declared(self) -> Sequence[str] | None:
        """`DISTRIBUTIONS` of the source: whoever writes it down has all inputs in mind."""
        declared: Sequence[str] | None = self._modules[0].setting("DISTRIBUTIONS")
        return declared

    @cached_property
    def distributions(self) -> tuple[Distribution, ...]:
        """The distributions it is meaningful under: `DISTRIBUTIONS`, or those that keep its output finite.

        Of extreme values it must also be accurate itself: noise can't be told from a mistake.
        """
        if self._declared is not None:
            return tuple(Distribution(name) for name in self._declared)
        survived = {item for item in Distribution if item is not Distribution.TIES and self._survives(item)}
        survived -= {
            item for item in (Distribution.HUGE, Distribution.PEAKS) if item in survived and self._error(item) > STEADY
        }
        if Distribution.HUGE in survived or not self._is_homogeneous():
            survived.discard(Distribution.VAST)
        if Distribution.PEAKS in survived:
            survived.discard(Distribution.OUTLIERS)
        return tuple(item for item in Distribution if item is Distribution.UNIT or item in survived)

    @property
    def largest_check(self) -> Case:
        """The check case with the most elements of inputs."""
        return max(self.cases[:-1], key=lambda case: case.input_elements)

    def module(self, case: Case) -> ReferenceModule:
        """Returns the source as it was executed for `case`."""
        return self._modules[case.module]

    def model(self, case: Case, weight_seed: int) -> nn.Module:
        """Returns a module of `case`, built under `weight_seed`, that may be changed."""
        key = (case.module, weight_seed)
        if key not in self._models:
            seed_cpu(weight_seed)
            model = self.module(case).build()
            state = model.state_dict()
            self._stateful[case.module] = bool(state)
            if sum(tensor.numel() for tensor in state.values()) > MAX_KEPT_WEIGHTS:
                return model
            self._models[key] = model
        return copy.deepcopy(self._models[key])

    def has_state(self, case: Case, weight_seed: int) -> bool:
        """True if the module has parameters or buffers, so that the weight seed matters; built once to find out."""
        if case.module not in self._stateful:
            self.model(case, weight_seed)
        return self._stateful[case.module]

    def draw(self, case: Case, distribution: Distribution, seed: int) -> list[Any]:
        """Returns fresh inputs on the CPU."""
        seed_everything(seed)
        inputs = self.module(case).inputs(case.shape)
        generator = torch.Generator().manual_seed(seed + 1)
        redistribute(inputs, distribution, self.domains(len(inputs)), generator)
        return inputs

    def domains(self, count: int) -> tuple[Domain, ...]:
        """Returns which values each of `count` inputs may have, as far as `distributions` go."""
        return input_domains(self._source, count) if self._declared is None else (Domain.ANY,) * count

    def run(self, case: Case, model: nn.Module, inputs: list[Any], device: torch.device | None = None) -> Any:
        """Returns `model(*inputs)`; both may change.

        Args:
            case: Whose module it is.
            model: From `model`, and on `device` (see `placed`).
            inputs: On `device`.
            device: Where to run it; None is the CPU.
        """
        with torch.no_grad():
            return self.module(case).run(model, inputs, device)

    def run_double(self, case: Case, weight_seed: int, inputs: list[Any], device: torch.device | None = None) -> Any:
        """Returns the output of a float64 copy of the module, or None if it does not run in float64.

        Args:
            case: What to run.
            weight_seed: Under which the module is built.
            inputs: On `device`.
            device: As `run`.
        """
        try:
            model = self.model(case, weight_seed).double()
            return self.run(case, model if device is None else placed(model, device), inputs, device)
        except InvalidReference:
            return None

    def _survives(self, distribution: Distribution) -> bool:
        """True if the reference gives finite outputs for such values (or does not even for those that it draws)."""
        case = self.cases[0]
        try:
            drawn, changed = (
                self.run(case, self.model(case, 0), self.draw(case, item, seed=0))
                for item in (Distribution.UNIT, distribution)
            )
        except InvalidReference:
            return False
        return _finite(changed) or not _finite(drawn)

    def _error(self, distribution: Distribution) -> float:
        """Returns its largest error under such values, relative to the root mean square of the output.

        That is at the largest check case; infinite if it raises there, 0 if it does not run in float64.
        """
        case = self.largest_check
        inputs = self.draw(case, distribution, seed=0)
        doubles = [to_double(item) for item in inputs]
        try:
            with MatmulPrecision(Precision.TF32):
                own = self.run(case, self.model(case, 0), inputs)
        except InvalidReference:
            return float("inf")
        exact = self.run_double(case, 0, doubles)
        if exact is None:
            return 0.0
        errors = [
            float((mine.double() - truth).abs().max()) / (float(truth.square().mean().sqrt()) or 1.0)
            for mine, truth in zip(_tensors(own), _tensors(exact), strict=True)
            if truth.is_floating_point() and truth.numel()
        ]
        return max((error if error == error else float("inf") for error in errors), default=0.0)

    def _is_homogeneous(self) -> bool:
        """True if scaled inputs only scale its outputs, so that rounding matters as it does to values as drawn."""
        case = self.largest_check
        drawn, vast = (
            self.run_double(case, 0, [to_double(item) for item in self.draw(case, distribution, seed=0)])
            for distribution in (Distribution.UNIT, Distribution.VAST)
        )
        return (
            drawn is not None
            and vast is not None
            and all(
                tensor.numel() == 0 or torch.equal(tensor * (large.abs().max() / tensor.abs().max()), large)
                for tensor, large in zip(_tensors(drawn), _tensors(vast), strict=True)
            )
        )

    def _cases(self, reference: Reference) -> tuple[Case, ...]:
        """Check cases in the order of `CHECK_SHAPES` or `check_constants`, then the bench case."""
        shapes: Sequence[Mapping[str, int]] | None = self._modules[0].setting("CHECK_SHAPES")
        checks: list[tuple[dict[str, int], dict[str, int]]] = [(dict(shape), {}) for shape in shapes or ()]
        if not checks:
            checks = [({}, dict(constants)) for constants in reference.check_constants] or [({}, {})]
        values = find_knobs(reference.source)
        varied = {name: values[name] for constants in reference.check_constants for name in constants if name in values}
        cases: list[Case] = []
        for index, (shape, constants) in enumerate(checks):
            name = _case_name(shape | constants or self._modules[0].defaults(), f"case {index + 1}")
            cases.append(self._case(reference, name, CaseKind.CHECK, shape, constants))
        bench = _case_name(self._modules[0].defaults() or varied, "as written")
        cases.append(self._case(reference, f"bench {bench}", CaseKind.BENCH, {}, {}))
        return tuple(cases)

    def _case(
        self, reference: Reference, name: str, kind: CaseKind, shape: dict[str, int], constants: dict[str, int]
    ) -> Case:
        number = next((i for i, module in enumerate(self._modules) if module.constants == constants), None)
        if number is None:
            number = len(self._modules)
            self._modules.append(ReferenceModule(reference, constants))
        module = self._modules[number]
        with FakeMode():  # shapes only: the bench case may be large
            inputs = tuple(module.plain(item) for item in module.inputs(shape))
        try:
            return Case(
                name=name,
                kind=kind,
                shape=shape,
                constants=constants,
                inputs=inputs,
                init_inputs=module.init_inputs(),
                module=number,
            )
        except ValidationError as error:
            raise unusable(self.id, error) from None


def _case_name(values: Mapping[str, int], otherwise: str) -> str:
    """Returns the values in words if they fit into a name."""
    words = shape_words(values)
    return words if 0 < len(words) <= 100 and words.isascii() else otherwise


def _finite(output: Any) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in _tensors(output))


def _tensors(output: Any) -> list[torch.Tensor]:
    return [tensor for _, tensor in labelled(output)]
