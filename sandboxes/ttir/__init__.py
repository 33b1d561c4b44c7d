"""TTIR: parser, typed IR, grid-vectorised CPU executor and dataflow facts."""

from sandboxes.ttir.dataflow import Access, accesses, made_up_pointer
from sandboxes.ttir.engine.counters import ArgumentCount, Counters, MemoryCount
from sandboxes.ttir.engine.execution import Argument, DescriptorArgument, Execution, ExecutionOptions, execute
from sandboxes.ttir.errors import (
    ArgumentMismatch,
    DeviceAssertion,
    EndlessLoop,
    ExecutionTimeout,
    InvalidAddress,
    MadeUpPointer,
    MemoryFault,
    MisalignedDescriptor,
    Race,
    TooMuchMemory,
    TTIRError,
    TTIRSyntaxError,
    UnsupportedOperation,
    UnwrittenMemory,
    Where,
)
from sandboxes.ttir.ir import (
    Block,
    DescriptorType,
    Frame,
    Function,
    Location,
    Module,
    OpaqueType,
    Operation,
    Parameter,
    PointerType,
    Region,
    ScalarType,
    TensorType,
    Type,
    Value,
)
from sandboxes.ttir.ordering import any_order, depends_on_order, group_size
from sandboxes.ttir.sanitizer import Unwritten
from sandboxes.ttir.syntax.parser import parse

__all__ = [
    # text to IR
    "parse",
    "Block",
    "DescriptorType",
    "Frame",
    "Function",
    "Location",
    "Module",
    "OpaqueType",
    "Operation",
    "Parameter",
    "PointerType",
    "Region",
    "ScalarType",
    "TensorType",
    "Type",
    "Value",
    # running
    "Argument",
    "DescriptorArgument",
    "Execution",
    "ExecutionOptions",
    "execute",
    # what the sanitizer remembers between launches
    "Unwritten",
    # counts
    "ArgumentCount",
    "Counters",
    "MemoryCount",
    # the order of programs
    "any_order",
    "depends_on_order",
    "group_size",
    # dataflow
    "Access",
    "accesses",
    "made_up_pointer",
    # errors
    "ArgumentMismatch",
    "DeviceAssertion",
    "EndlessLoop",
    "ExecutionTimeout",
    "InvalidAddress",
    "MadeUpPointer",
    "MemoryFault",
    "MisalignedDescriptor",
    "Race",
    "TooMuchMemory",
    "TTIRError",
    "TTIRSyntaxError",
    "UnsupportedOperation",
    "UnwrittenMemory",
    "Where",
]
