"""Records every ATen call and kernel launch of a `forward` on fake tensors.

A `TorchDispatchMode` above `FakeTensorMode` sees each ATen call after autograd and composite operators have been
unfolded. Tensors are numbered by object identity; in-place operators return their argument and so its number.
"""

from collections.abc import Iterable
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from triton.runtime.jit import TensorWrapper

from sandboxes.contracts import (
    READ_BACK,
    Argument,
    ArgumentSequence,
    AtenCall,
    Constant,
    Descriptor,
    Launch,
    LaunchArgument,
    Node,
    ScalarRef,
    TensorRef,
    TensorSpec,
    TorchConstant,
    Variant,
    scalars,
)
from sandboxes.contracts.case import DTYPE_BYTES
from sandboxes.contracts.trace import MAX_NODES
from sandboxes.operators import READABLE, number_positions
from sandboxes.tracing.driver import RecordedLaunch
from sandboxes.tracing.known import KnownValues
from sandboxes.tracing.line import current_line
from sandboxes.tracing.registered import body_of
from sandboxes.tracing.scalars import Scalars
from sandboxes.tracing.untraceable import Untraceable


class ConstantPool:
    """The real tensors a module was built with, and the fake tensors that stand for them.

    Args:
        mode: Makes the fakes.
        device: Where the fakes pretend to be.
    """

    def __init__(self, mode: FakeTensorMode, device: str = "cuda") -> None:
        self.mode = mode
        """Makes the fakes."""
        self._device = device
        self.tensors: dict[str, torch.Tensor] = {}
        """Data by key."""
        self.roles: dict[str, str] = {}
        self._fakes: dict[int, tuple[str, FakeTensor]] = {}
        self._keep: list[torch.Tensor] = []

    def fake(
        self, tensor: torch.Tensor, name: str | None = None, role: str = "constant", device: str | None = None
    ) -> FakeTensor:
        """Returns the fake tensor for a real one; the same tensor gives the same fake.

        Args:
            tensor: Holds data; its layout is kept if each element has a place of its own.
            name: Where the module keeps it.
            role: See `Constant.role`.
            device: Where the fake pretends to be, if not where all others are.
        """
        if id(tensor) in self._fakes:
            return self._fakes[id(tensor)][1]
        key = f"{role}:{name or len(self.tensors)}"
        if key in self.tensors:
            key += f"#{len(self.tensors)}"
        with _disable_current_modes():  # a recording may be under way
            self.tensors[key] = tensor.detach()
            if isinstance(tensor, FakeTensor) and tensor.device.type == (device or self._device):
                return self._known_as(key, role, tensor, tensor)
            stride = torch.empty_like(self.tensors[key], device="meta").stride()
            with self.mode:
                fake = torch.empty_strided(tensor.shape, stride, dtype=tensor.dtype, device=device or self._device)
        return self._known_as(key, role, tensor, cast(FakeTensor, fake))

    def _known_as(self, key: str, role: str, tensor: torch.Tensor, fake: FakeTensor) -> FakeTensor:
        self.roles[key] = role
        self._fakes[id(tensor)] = (key, fake)
        self._keep.append(tensor)  # its id must not be reused
        return fake

    def key_of(self, fake: torch.Tensor) -> str | None:
        """Returns the key of the constant that `fake` stands for, or None."""
        return next((key for key, known in self._fakes.values() if known is fake), None)


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch leaves __init_subclass__ untyped
    """One recording; use it as a context manager inside `FakeTensorMode`.

    Args:
        constants: What exists before.
        numbers: Kind of the numbers that stand for those read from tensors (see `scalars`).
    """

    def __init__(self, constants: ConstantPool, numbers: int = 0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._pool = constants
        self._ids: dict[int, int] = {}
        self._tensors: list[torch.Tensor] = []  # keeps every tensor alive, so that no id is reused
        self._config: str | None = None
        self._inside = 0  # operators that the candidate registered
        self._pending: list[tuple[str, Variant]] = []
        self.scalars = Scalars(numbers)
        """The numbers that have been read back."""
        self.known = KnownValues()
        """What is computed from Python's numbers alone."""
        self.values: list[TensorSpec] = []
        self.nodes: list[Node] = []
        self.constants: list[Constant] = []

    # ATen

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if (known := self.known.read(func, args)) is not None:
            return known
        lifted = func._opname == "lift_fresh"  # what `torch.tensor` makes
        if lifted and (number := self.scalars.in_tensor(args[0])) is not None:
            with self:
                return torch.ops.aten._to_copy.default(number.tensor, dtype=args[0].dtype).view(args[0].shape)
        device = "cpu" if lifted else None  # it lives there until moved
        given, args, kwargs = args, self._lift(args, device), self._lift(kwargs or {}, device)
        if self._tuning or _is_query(func):
            return func(*args, **kwargs)
        if (body := body_of(func, args)) is not None:
            self._inside += 1
            try:
                with self:
                    return body(*args, **kwargs)
            finally:
                self._inside -= 1
        if self._inside:  # below autograd, where torch does not unfold composite operators
            with self:
                unfolded = func.decompose(*args, **kwargs)
            if unfolded is not NotImplemented:
                return unfolded
        taken, named = self._taken(func, args, kwargs)
        result = func(*args, **kwargs)
        self._add(
            AtenCall(
                operator=f"{func.namespace}::{func._opname}.{func._overloadname}",
                args=taken,
                kwargs=named,
                results=tuple(self.argument(item, new=True) for item in _as_tuple(result)),
                line=current_line(),
            )
        )
        if lifted:
            self.known.remember(result, given[0])
        else:
            self.known.follow(func, args, kwargs, result, exact=not scalars((*taken, *named.values())))
        return result

    def _taken(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Argument, ...], dict[str, Argument]]:
        """Returns the arguments of an operator as plain data; numbers that were read back are told by their value."""
        if not self.scalars:
            return tuple(map(self.argument, args)), {name: self.argument(arg) for name, arg in kwargs.items()}
        names = [argument.name for argument in func._schema.arguments]
        positions = number_positions(func)
        allowed = {names[position] for position in positions}

        def plain(name: str, value: Any) -> Argument:
            if name in allowed and (number := self.scalars.find(value)) is not None:
                if isinstance(value, float) and not number.is_float:  # C++ has made a float of an int
                    with self:
                        number = number.as_float()
                return ScalarRef(id=self.number(number.tensor))
            self.scalars.refuse(value, f"is `{name}` of torch's `{func._opname}`")
            return self.argument(value)

        return (
            tuple(plain(name, arg) for name, arg in zip(names, args, strict=False)),
            {name: plain(name, arg) for name, arg in kwargs.items()},
        )

    def read(self, tensor: torch.Tensor) -> Any:
        """Returns the number in a one-element tensor if it is known, else records that it is read back.

        Returns:
            The number, or the `Placeholder` that stands for it.

        Raises:
            RuntimeError: It has several elements, as torch does.
            Untraceable: It holds no number that can be stood for, or is read where nothing is recorded.
        """
        if tensor.numel() != 1:
            raise RuntimeError(f"a Tensor with {tensor.numel()} elements cannot be converted to Scalar")
        if (known := self.known.value(tensor)) is not None:
            with _disable_current_modes():
                return known.item()
        dtype = READABLE.get(str(tensor.dtype).removeprefix("torch."))
        if dtype is None:
            hint = "Use torch.where or a mask; `int(t)` of a boolean is a number that can be passed to kernels."
            raise Untraceable(f"a value of dtype {tensor.dtype} is read in Python", hint)
        if self._tuning:
            raise Untraceable("a tensor is read while a kernel is tuned", "Read it before the launch.")
        taken = self.argument(tensor)
        with _disable_current_modes(), self._pool.mode:
            number = torch.empty((), dtype=dtype, device="cpu")
        results = (self.argument(number, new=True),)
        self._add(AtenCall(operator=READ_BACK, args=(taken,), kwargs={}, results=results, line=current_line()))
        return self.scalars.stand_for(number)

    def _add(self, node: Node) -> None:
        if len(self.nodes) >= MAX_NODES:
            raise Untraceable(f"`forward` makes more than {MAX_NODES} calls", "Compute more in each call.")
        self.nodes.append(node)

    def _lift(self, tree: Any, device: str | None) -> Any:
        """Replaces real tensors, which can only be constants, by their fakes."""
        if isinstance(tree, torch.Tensor) and not isinstance(tree, FakeTensor):
            return self._pool.fake(tree, device=device)
        if isinstance(tree, (list, tuple)):
            return type(tree)(self._lift(item, device) for item in tree)
        if isinstance(tree, dict):
            return {key: self._lift(value, device) for key, value in tree.items()}
        return tree

    # values

    def argument(self, value: Any, *, new: bool = False) -> Argument:
        """Returns `value` as plain data.

        Args:
            value: Anything an operator takes or returns.
            new: Tensors that are not known yet are results and get a number.

        Raises:
            Untraceable: A tensor whose origin was not recorded, a value that has no plain form, or a number that was
                read from a tensor, and so has no value.
        """
        if isinstance(value, torch.Tensor):
            return TensorRef(id=self.number(value, new=new))
        if isinstance(value, (list, tuple)):
            return ArgumentSequence(
                kind="tuple" if isinstance(value, tuple) else "list",
                items=tuple(self.argument(item, new=new) for item in value),
            )
        if value is None or isinstance(value, (bool, int, float, str)):
            self.scalars.refuse(value, "is not passed on as an argument")
            return value
        if isinstance(value, torch.dtype):
            return TorchConstant(kind="dtype", name=str(value).removeprefix("torch."))
        if isinstance(value, torch.device):
            return TorchConstant(kind="device", name=value.type)
        if isinstance(value, torch.layout):
            return TorchConstant(kind="layout", name=str(value).removeprefix("torch."))
        if isinstance(value, torch.memory_format):
            return TorchConstant(kind="memory_format", name=str(value).removeprefix("torch."))
        raise Untraceable(
            f"a value of type {type(value).__name__} can't be recorded", "Pass tensors and plain numbers."
        )

    def number(self, tensor: torch.Tensor, *, new: bool = False) -> int:
        """Returns the tensor's index in `values`; a constant is registered when it is first used."""
        known = self._ids.get(id(tensor))
        if known is not None:
            return known
        if not isinstance(tensor, FakeTensor):
            return self.number(self._pool.fake(tensor))
        key = self._pool.key_of(tensor)
        if key is None and not new:
            raise Untraceable(
                "a tensor appears whose computation was not recorded",
                "A trace holds one forward: compute it in `__init__`, or in every `forward`; "
                "not in an earlier call, a thread or a tensor subclass.",
            )
        number = len(self.values)
        self.values.append(spec_of(tensor))
        self._ids[id(tensor)] = number
        self._tensors.append(tensor)
        if key is not None:
            self.constants.append(Constant(value=number, key=key, role=cast(Any, self._pool.roles[key])))
        return number

    # launches

    @property
    def _tuning(self) -> bool:
        return self._config is not None

    @contextmanager
    def configuration(self, label: str) -> Any:
        """Inside it a launch is one more variant of the launch that `end_variants` will record."""
        self._config = label
        try:
            yield
        finally:
            self._config = None

    def launched(self, launch: RecordedLaunch) -> None:
        """Takes note of a launch (see `LaunchLog`)."""
        self.scalars.refuse(launch.grid, "is the size of a grid")
        variant = Variant(
            config=(self._config or "")[:500],
            ttir=launch.ttir,
            grid=launch.grid,
            args=tuple(plain for arg in launch.args for plain in self._launch_arguments(arg)),
            num_warps=launch.num_warps,
            num_stages=launch.num_stages,
            num_ctas=launch.num_ctas,
            maxnreg=launch.maxnreg,
        )
        if self._tuning:
            self._pending.append((launch.kernel, variant))
        else:
            self._add(Launch(kernel=launch.kernel, variants=(variant,), line=current_line()))

    @property
    def has_variants(self) -> bool:
        """True if a configuration has been launched since the last `end_variants`."""
        return bool(self._pending)

    def end_variants(self) -> None:
        """Records the pending variants as one launch."""
        pending, self._pending = self._pending, []
        if pending:
            variants = tuple(variant for _, variant in pending)
            self._add(Launch(kernel=pending[0][0], variants=variants, line=current_line()))

    def _launch_arguments(self, value: Any) -> list[LaunchArgument]:
        """Returns what a kernel takes for one argument; a descriptor is followed by its sizes and strides."""
        if isinstance(value, TensorWrapper):  # `triton.reinterpret`: the kernel knows the type
            value = value.base
        if value is None or isinstance(value, (bool, int, float)):
            number = self.scalars.find(value)
            return [value if number is None else ScalarRef(id=self.number(number.tensor))]
        if isinstance(value, torch.Tensor):
            if isinstance(value, FakeTensor) and value.device.type != "cuda":
                raise ValueError("Pointer argument cannot be accessed from Triton (cpu tensor?)")
            self.known.forget([value])
            return [TensorRef(id=self.number(value))]
        if hasattr(value, "block_shape"):  # triton.tools.tensor_descriptor.TensorDescriptor
            sizes = [*value.shape, *value.strides, *value.block_shape]
            self.scalars.refuse(sizes, "is a size of a tensor descriptor")
            self.known.forget([value.base])
            descriptor = Descriptor(
                base=TensorRef(id=self.number(value.base)),
                shape=tuple(value.shape),
                strides=tuple(value.strides),
                block_shape=tuple(value.block_shape),
                padding=getattr(value, "padding", "zero"),
            )
            return [descriptor, *descriptor.shape, *descriptor.strides]
        raise Untraceable(f"a kernel argument of type {type(value).__name__} can't be recorded", "Pass tensors.")


def spec_of(tensor: torch.Tensor) -> TensorSpec:
    """Returns shape, dtype, stride and offset of a tensor.

    Raises:
        Untraceable: It has a dtype that traces don't know.
    """
    dtype = str(tensor.dtype).removeprefix("torch.")
    if dtype not in DTYPE_BYTES:
        raise Untraceable(f"a tensor of dtype {dtype} can't be recorded", f"Use one of {', '.join(DTYPE_BYTES)}.")
    return TensorSpec(
        shape=tuple(tensor.shape),
        dtype=cast(Any, dtype),
        stride=tuple(tensor.stride()),
        offset=int(tensor.storage_offset()),
    )


def _as_tuple(result: Any) -> Iterable[Any]:
    return result if isinstance(result, (tuple, list)) else (result,)


def _is_query(func: Any) -> bool:
    """True for operators that only ask for metadata, or mark a range for a profiler."""
    return bool(
        func.namespace in {"prim", "profiler"} or func._opname in {"sym_size", "sym_stride", "sym_numel", "is_pinned"}
    )
