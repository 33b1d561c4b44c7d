"""NVIDIA's driver is called as its header declares it; a stub of it, compiled with that header, is asked here."""

import ctypes
from pathlib import Path
from typing import Any

import pytest

from sandboxes.devices.cuda.errors import GpuError, GpuFault, GpuLost
from sandboxes.devices.cuda.real.driver_errors import CAPTURE, FAULTS, failure
from sandboxes.devices.cuda.real.libcuda import (
    CAPABILITY_MAJOR,
    CAPABILITY_MINOR,
    FUNCTIONS,
    L2_BYTES,
    MOST_PERSISTING_L2_BYTES,
    MULTIPROCESSORS,
    PERSISTING_L2,
    Driver,
    DriverError,
    DriverMissing,
    Uuid,
)
from sandboxes.devices.cuda.real.torch_gpu import NO_CONTEXT
from tests.sandboxes.devices.cuda.real.stub import compile_c, compiled_stub

C_TYPES = {
    ctypes.c_int: "int",
    ctypes.c_uint: "unsigned int",
    ctypes.c_size_t: "size_t",
    ctypes.c_char_p: "char *",
    ctypes.POINTER(ctypes.c_int): "int *",
    ctypes.POINTER(ctypes.c_size_t): "size_t *",
    ctypes.POINTER(ctypes.c_char_p): "const char **",
    ctypes.POINTER(Uuid): "CUuuid *",
}
NUMBERS = {
    "CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT": MULTIPROCESSORS,
    "CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE": L2_BYTES,
    "CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR": CAPABILITY_MAJOR,
    "CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR": CAPABILITY_MINOR,
    "CU_DEVICE_ATTRIBUTE_MAX_PERSISTING_L2_CACHE_SIZE": MOST_PERSISTING_L2_BYTES,
    "CU_LIMIT_PERSISTING_L2_CACHE_SIZE": PERSISTING_L2,
    "CUDA_ERROR_OUT_OF_MEMORY": 2,
    "CUDA_ERROR_NOT_INITIALIZED": NO_CONTEXT[0],
    "CUDA_ERROR_INVALID_CONTEXT": NO_CONTEXT[1],
    "CUDA_ERROR_DEVICE_UNAVAILABLE": 46,
    "CUDA_ERROR_NO_DEVICE": 100,
    "CUDA_ERROR_UNSUPPORTED_LIMIT": 215,
    "CUDA_ERROR_ILLEGAL_ADDRESS": 700,
    "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES": 701,
    "CUDA_ERROR_LAUNCH_TIMEOUT": 702,
    "CUDA_ERROR_ASSERT": 710,
    "CUDA_ERROR_HARDWARE_STACK_ERROR": 714,
    "CUDA_ERROR_ILLEGAL_INSTRUCTION": 715,
    "CUDA_ERROR_MISALIGNED_ADDRESS": 716,
    "CUDA_ERROR_INVALID_ADDRESS_SPACE": 717,
    "CUDA_ERROR_INVALID_PC": 718,
    "CUDA_ERROR_LAUNCH_FAILED": 719,
    "CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE": 720,
    "CUDA_ERROR_NOT_SUPPORTED": 801,
    "CUDA_ERROR_SYSTEM_NOT_READY": 802,
    "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH": 803,
    "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED": CAPTURE[0],
    "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD": CAPTURE[-1],
    "CUDA_ERROR_INVALID_CLUSTER_SIZE": 912,
    "CUDA_ERROR_UNKNOWN": 999,
}


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled_stub(tmp_path_factory.mktemp("stub"))


@pytest.fixture
def control(stub: Path) -> Any:
    library = ctypes.CDLL(str(stub))
    yield library
    library.stub_fail(0)


def test_functions_and_numbers_are_those_of_the_header(tmp_path: Path) -> None:
    lines = ["#include <cuda.h>"]
    for name, arguments in FUNCTIONS.items():
        types = ", ".join(C_TYPES[kind] for kind in arguments) or "void"
        lines.append(f"CUresult (*check_{name})({types}) = {name};")
    lines += [f'_Static_assert({name} == {number}, "{name}");' for name, number in NUMBERS.items()]
    source = tmp_path / "check.c"
    source.write_text("\n".join(lines) + "\n")
    compile_c(source, tmp_path / "check.o", "-c")


def test_a_gpu_is_described_without_a_context(stub: Path) -> None:
    driver = Driver(str(stub))
    driver.initialise()
    assert driver.version() == 13010
    assert driver.count() == 1
    info = driver.device(0)
    assert info.title == "NVIDIA H200"
    assert info.uuid == "GPU-f0f1f2f3-f4f5-f6f7-f8f9-fafbfcfdfeff"
    assert (info.arch, info.multiprocessors) == ("90", 132)
    assert (info.memory_bytes, info.l2_bytes, info.most_persisting_l2_bytes) == (150754820096, 52428800, 32768000)


def test_a_slice_has_a_name_and_a_uuid_of_its_own(stub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUB_TITLE", "NVIDIA H200 MIG 1g.18gb")
    assert Driver(str(stub)).device(0).uuid.startswith("MIG-f0f1")


def test_persisting_lines_are_forbidden_and_reset(stub: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("STUB_LOG", str(log))
    driver = Driver(str(stub))
    driver.allow_no_persisting_l2()
    driver.reset_persisting_l2()
    assert log.read_text().splitlines() == ["limit 6 0", "reset"]


def test_what_goes_wrong_has_its_number_and_the_drivers_words(stub: Path, control: Any) -> None:
    driver = Driver(str(stub))
    control.stub_fail(700)
    assert driver.synchronize() == 700
    words = "CUDA_ERROR_ILLEGAL_ADDRESS (700): an illegal memory access was encountered"
    assert driver.describe(700) == words
    with pytest.raises(DriverError, match="cuCtxResetPersistingL2Cache: CUDA_ERROR_ILLEGAL_ADDRESS") as error:
        driver.reset_persisting_l2()
    assert error.value.number == 700
    assert driver.describe(12345) == "an unknown error (12345)"


def test_a_missing_or_too_old_library_is_said(tmp_path: Path) -> None:
    with pytest.raises(DriverMissing):
        Driver(str(tmp_path / "libcuda.so.1"))
    source = tmp_path / "old.c"
    source.write_text("int cuInit(unsigned int flags) { return (int)flags; }\n")
    compile_c(source, tmp_path / "old.so", "-shared", "-fPIC")
    with pytest.raises(DriverMissing, match="cuDriverGetVersion"):
        Driver(str(tmp_path / "old.so"))


@pytest.mark.parametrize("number", [46, 100, 214, 220, 802, 803, 999, 1, 12345])
def test_what_no_kernel_can_do_is_a_lost_gpu(number: int) -> None:
    assert isinstance(failure(number, "words"), GpuLost)


def test_what_a_kernel_can_do_is_a_fault() -> None:
    for number, fault in FAULTS.items():
        error = failure(number, "words")
        assert isinstance(error, GpuError)
        assert error.fault is fault
    assert FAULTS[700] is FAULTS[717] is GpuFault.ILLEGAL_ACCESS
    assert not set(FAULTS) & set(CAPTURE)
