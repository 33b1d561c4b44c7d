"""The real GPU, as far as that can be tried without one: names, faults, precision, what events of the profiler mean."""

import ast
import inspect
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest
import torch
from torch._C._autograd import DeviceType

from sandboxes.contracts import Precision
from sandboxes.devices.cuda.errors import GpuError, GpuFault, GpuLost
from sandboxes.devices.cuda.gpu import Gpu, Prepared
from sandboxes.devices.cuda.real import profiler, torch_gpu
from sandboxes.devices.cuda.real.libcuda import Driver
from sandboxes.devices.cuda.real.profiler import RANGE, device_events
from sandboxes.devices.cuda.real.torch_gpu import TorchGpu, TorchGraph, TorchLaunches, Uncapturable
from sandboxes.devices.cuda.simulated.prepared import SimulatedGraph, SimulatedLaunches
from sandboxes.devices.cuda.simulated.simulated_gpu import SimulatedGpu


@dataclass
class Said(Driver):
    """A driver that has one thing to say."""

    number: int = 0
    asked: list[str] = field(default_factory=list)

    def synchronize(self) -> int:
        self.asked.append("synchronize")
        return self.number

    def describe(self, number: int) -> str:
        return f"error {number}"


def gpu(number: int = 0) -> TorchGpu:
    """A GPU whose driver says `number`; nothing else of it is there."""
    made = TorchGpu.__new__(TorchGpu)
    made._driver = Said(number)
    made._precision = Precision.FP32
    return made


def accelerator_error(number: int | None) -> Exception:
    error = torch.AcceleratorError("CUDA error: words that nobody reads")
    if number is not None:
        error.error_code = number  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "number", "fault"),
    [
        (accelerator_error(700), 0, GpuFault.ILLEGAL_ACCESS),
        (accelerator_error(716), 0, GpuFault.MISALIGNED),
        (accelerator_error(710), 0, GpuFault.ASSERTION),
        (accelerator_error(None), 719, GpuFault.TRAP),  # torch does not tell the number: the driver does
        (RuntimeError("Triton Error [CUDA]: device-side assert"), 700, GpuFault.ILLEGAL_ACCESS),
        (RuntimeError("cuBLAS error: CUBLAS_STATUS_EXECUTION_FAILED"), 715, GpuFault.TRAP),
        (torch.OutOfMemoryError("CUDA out of memory."), 0, GpuFault.OUT_OF_MEMORY),
    ],
)
def test_a_fault_is_told_by_its_number(error: Exception, number: int, fault: GpuFault) -> None:
    with pytest.raises(GpuError) as raised, gpu(number).faults():
        raise error
    assert raised.value.fault is fault


@pytest.mark.parametrize("number", [46, 214, 802, 999])
def test_what_is_no_kernels_doing_is_a_lost_gpu(number: int) -> None:
    with pytest.raises(GpuLost, match="dmesg"), gpu().faults():
        raise accelerator_error(number)


def test_an_error_that_the_gpu_has_nothing_to_do_with_stays_what_it_is() -> None:
    with pytest.raises(RuntimeError, match="shapes") as raised, gpu(0).faults():
        raise RuntimeError("shapes do not fit")
    assert not isinstance(raised.value, GpuLost)
    with pytest.raises(RuntimeError, match="shapes") as raised, gpu(201).faults():  # a thread without a context
        raise RuntimeError("shapes do not fit")
    assert not isinstance(raised.value, GpuLost)
    with pytest.raises(GpuError) as kept, gpu(999).faults():
        raise GpuError(GpuFault.TRAP, "said before")
    assert kept.value.fault is GpuFault.TRAP


def test_what_the_driver_refuses_to_record_is_no_fault() -> None:
    with pytest.raises(Uncapturable), gpu().faults():
        raise accelerator_error(900)
    with pytest.raises(Uncapturable), gpu(901).faults():
        raise RuntimeError("operation not permitted when stream is capturing")


class Refusing:
    """A kernel that can't be launched."""

    name = "greedy"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def launch(self, grid: Any, args: Any) -> None:
        raise self.error


@pytest.mark.parametrize(("number", "fault"), [(0, GpuFault.OUT_OF_RESOURCES), (700, GpuFault.ILLEGAL_ACCESS)])
def test_a_launch_that_is_refused_is_told_from_a_fault_of_a_kernel_before(number: int, fault: GpuFault) -> None:
    with pytest.raises(GpuError) as raised:
        gpu(number).launch(Refusing(RuntimeError("Triton Error [CUDA]: invalid argument")), (1, 1, 1), [])
    assert raised.value.fault is fault
    if not number:
        assert "greedy" in raised.value.detail


def test_precision_sets_both_switches_puts_them_back_and_lets_torch_compile_look_at_them() -> None:
    def state() -> tuple[Any, ...]:
        looked = torch._C._get_cublas_allow_tf32(), torch._C._get_cudnn_allow_tf32()
        return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32, *looked

    before = state()
    device = gpu()
    with warnings.catch_warnings(action="error"), device.precision(Precision.TF32):
        assert state() == ("high", True, True, True)
        with device.precision(Precision.FP32):
            assert state() == ("highest", False, False, False)
            assert device.policy is Precision.FP32
        assert device.policy is Precision.TF32
    assert state() == before


@pytest.mark.parametrize("module", [torch_gpu, profiler])
def test_every_name_of_torch_that_the_gpu_uses_exists(module: ModuleType) -> None:
    names = {name for name in _names(module) if name.startswith("torch.")}
    assert len(names) >= 3
    for name in names:
        found: Any = torch
        for part in name.split(".")[1:]:
            assert hasattr(found, part), f"{name} does not exist in torch {torch.__version__}"
            found = getattr(found, part)


def test_events_and_graphs_take_what_they_are_given() -> None:
    assert {"enable_timing", "external"} <= set(inspect.signature(torch.cuda.Event.__new__).parameters)
    assert "capture_error_mode" in inspect.signature(torch.cuda.CUDAGraph.capture_begin).parameters
    assert "acc_events" in inspect.signature(torch.profiler.profile.__init__).parameters
    assert {"clone_state", "graphsafe_set_state"} <= set(dir(torch.Generator))


@pytest.mark.parametrize(
    ("made", "protocol"),
    [
        (TorchGpu, Gpu),
        (SimulatedGpu, Gpu),
        (TorchGraph, Prepared),
        (TorchLaunches, Prepared),
        (SimulatedGraph, Prepared),
        (SimulatedLaunches, Prepared),
    ],
)
def test_both_gpus_have_what_the_protocol_asks_for(made: type, protocol: type) -> None:
    for name, asked in vars(protocol).items():
        if name.startswith("_") or not (inspect.isfunction(asked) or isinstance(asked, property)):
            continue
        offered = inspect.getattr_static(made, name)
        if isinstance(asked, property):
            assert isinstance(offered, property)
        else:
            wanted = inspect.signature(asked).parameters
            assert list(inspect.signature(getattr(made, name)).parameters) == list(wanted), f"{made.__name__}.{name}"


@dataclass
class Event:
    """An event of Kineto, with the accessors that are used."""

    name_: str
    device: DeviceType
    start: int
    duration: int
    correlation: int = 0
    linked: int = 0
    annotation: bool = False

    def name(self) -> str:
        return self.name_

    def device_type(self) -> DeviceType:
        return self.device

    def start_ns(self) -> int:
        return self.start

    def duration_ns(self) -> int:
        return self.duration

    def correlation_id(self) -> int:
        return self.correlation

    def linked_correlation_id(self) -> int:
        return self.linked

    def is_user_annotation(self) -> bool:
        return self.annotation


HOST, DEVICE = DeviceType.CPU, DeviceType.CUDA


def test_kinetos_events_have_the_accessors_that_are_used() -> None:
    used = {name for name in vars(Event) if not name.startswith("_")}
    used -= {"correlation", "linked", "annotation"}
    assert used <= set(dir(torch._C._autograd._KinetoEvent))


def test_device_events_belong_to_the_range_that_launched_them_whatever_their_names_say() -> None:
    events = [
        Event(f"{RANGE}3", HOST, 100, 100, correlation=1, annotation=True),
        Event("aten::add", HOST, 120, 30, correlation=2),
        Event("cudaLaunchKernel", HOST, 130, 5, correlation=900, linked=2),
        Event(f"{RANGE}4", HOST, 300, 100, correlation=3, annotation=True),
        Event("cuLaunchKernelEx", HOST, 310, 5, correlation=901),  # Triton's: Kineto links calls to operators only
        Event("cuLaunchKernelEx", HOST, 320, 5, correlation=4),  # CUPTI's fourth call, Kineto's fourth operator
        Event("second", DEVICE, 1200, 1, correlation=4),
        Event("aten::copy_", HOST, 500, 10, correlation=4),
        Event("Memcpy DtoD (Device -> Device)", DEVICE, 3000, 7, correlation=902, linked=4),
        Event("elementwise", DEVICE, 1000, 50, correlation=900, linked=2),  # long after its range has ended
        Event(f"{RANGE}3", DEVICE, 1100, 40, correlation=901),  # a kernel that bears a range's name
        Event(f"{RANGE}3", DEVICE, 1000, 50, linked=1, annotation=True),  # the range itself, shown on the device
        Event("stray", DEVICE, 4000, 1, correlation=903, linked=0),
    ]
    found = device_events(events)
    assert [(event.name, event.kind, event.node) for event in found] == [
        ("elementwise", "kernel", 3),
        (f"{RANGE}3", "kernel", 4),
        ("second", "kernel", 4),
        ("Memcpy DtoD (Device -> Device)", "memcpy", None),
        ("stray", "kernel", None),
    ]
    assert found[0].start_us == 1.0
    assert found[0].duration_us == 0.05


@pytest.mark.slow
def test_torch_links_operators_and_ranges_as_is_assumed() -> None:
    """In a process of its own: the profiler stays in the process that has used it."""
    program = (
        "import torch\n"
        "from torch.profiler import ProfilerActivity, profile, record_function\n"
        "with profile(activities=[ProfilerActivity.CPU], acc_events=True) as p:\n"
        "    with record_function('kernelgym.node.7'):\n"
        "        torch.zeros(8).add_(1)\n"
        "events = list(p.profiler.kineto_results.events())\n"
        "(range_,) = [e for e in events if e.name() == 'kernelgym.node.7']\n"
        "assert range_.is_user_annotation() and range_.linked_correlation_id() == 0\n"
        "(add,) = [e for e in events if e.name() == 'aten::add_']\n"
        "assert add.correlation_id() > 0 and add.linked_correlation_id() == 0\n"
        "assert range_.start_ns() <= add.start_ns() <= range_.start_ns() + range_.duration_ns()\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100, check=False)
    assert ran.returncode == 0, ran.stderr


def _names(module: ModuleType) -> Iterator[str]:
    """Dotted names that a module's source uses."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        parts = []
        at: ast.AST = node
        while isinstance(at, ast.Attribute):
            parts.append(at.attr)
            at = at.value
        if parts and isinstance(at, ast.Name):
            yield ".".join([at.id, *reversed(parts)])
