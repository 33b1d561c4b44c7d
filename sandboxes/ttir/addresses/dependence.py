"""Which memory operations go where loaded values say.

Values from memory reach an operation through its pointer or mask, or decide whether it is executed at all: both count,
a branch is as good as a mask. Conservative: what is not listed does not depend on what was loaded.
"""

from sandboxes.ttir.addresses.slicing import addressing_operands, conditions
from sandboxes.ttir.dataflow import SINKS, edges
from sandboxes.ttir.ir import Block, Function, Module, Operation


def dependent(module: Module) -> frozenset[Operation]:
    """The memory operations whose addresses, masks or executions depend on values from memory, and such while-loops."""
    return _Dependence(module).found()


def decides(module: Module) -> bool:
    """Whether values from memory decide what is executed, be it arithmetic or accesses."""
    reached = _Dependence(module).reached()
    operations = (operation for function in module.functions for operation in function.walk())
    return any(value.index in reached for operation in operations for value in conditions(operation))


class _Dependence:
    def __init__(self, module: Module) -> None:
        self._module = module
        self._edges = edges(module)
        self._fresh = module.value_count
        self._entries = {function.name: self._node() for function in module.functions}
        """One node per function: reached if something loaded decides whether it is called."""
        self._asked: dict[Operation, int] = {}
        """Memory operations and loops, with a node that is reached if they depend on values from memory."""

    def found(self) -> frozenset[Operation]:
        """Returns what `dependent` does."""
        reached = self.reached()
        return frozenset(operation for operation, node in self._asked.items() if node in reached)

    def reached(self) -> set[int]:
        """Returns values and nodes that depend on values from memory."""
        for function in self._module.functions:
            self._function(function)
        stack = [value.index for item in self._asked if item.name in SINKS for value in item.results]
        reached = set(stack)
        while stack:
            for target in self._edges.get(stack.pop(), ()):
                if target not in reached:
                    reached.add(target)
                    stack.append(target)
        return reached

    def _node(self) -> int:
        self._fresh += 1
        return self._fresh

    def _function(self, function: Function) -> None:
        nodes = {block.label: self._node() for block in function.body.blocks}
        for block in function.body.blocks:
            node = nodes[block.label]
            self._edges[self._entries[function.name]].append(node)
            self._block(block, node)
            if not block.operations:
                continue
            last = block.operations[-1]
            for label in last.successors:
                if label in nodes:
                    self._edges[node].append(nodes[label])
                    for value in conditions(last):
                        self._edges[value.index].append(nodes[label])

    def _block(self, block: Block, node: int) -> None:
        """Connects what decides whether a block is executed, which reaches ``node``, with what that decides."""
        self._edges[node].extend(value.index for value in block.arguments)
        for operation in block.operations:
            self._operation(operation, node)

    def _operation(self, operation: Operation, node: int) -> None:
        if operation.name in SINKS:
            place = self._asked[operation] = self._node()
            self._edges[node].append(place)
            for value in addressing_operands(operation):
                self._edges[value.index].append(place)
        elif operation.name == "tt.call" and operation.keywords:
            callee = operation.keywords[0].removeprefix("@").strip('"')
            self._edges[node].append(self._entries.get(callee, node))
        if not operation.regions:
            return
        inner = self._node()
        self._edges[node].append(inner)
        decisive = list(conditions(operation))
        if operation.name == "scf.while":
            self._asked[operation] = inner
            last = operation.regions[0].blocks[0].operations[-1:]
            decisive += [value for terminator in last for value in conditions(terminator)]
        for value in decisive:
            self._edges[value.index].append(inner)
        self._edges[inner].extend(result.index for result in operation.results)
        for region in operation.regions:
            for block in region.blocks:
                self._block(block, inner)
