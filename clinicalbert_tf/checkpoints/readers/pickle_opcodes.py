"""Reads a pickle's opcodes as data: a stack machine that can build containers and nothing else.

Python's own unpickler imports and calls what a file names. This one gives names to a table of
the caller's harmless stand-ins, and refuses every name outside it and every opcode it does not
need.

Why not a pickle.Unpickler with an allow-list in find_class: that keeps a file from calling
something else, but not from exhausting memory. LONG_BINPUT sizes the memo by an index in the file,
so that 7 bytes (4b 01 72 ff ff ff 0f) take 4.1 GB and 10 seconds in CPython 3.11, and one digit
more ends the process; BUILD writes attributes of whatever was made. Here the memo is a dict, sizes
are checked against the file, and both opcodes' harm ends in PickleError.
"""

import dataclasses
import pickletools
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO


class PickleError(ValueError):
    """A pickle is broken or asks for more than data."""


@dataclasses.dataclass(frozen=True)
class Symbol:
    """A name that a pickle would import; never imported here."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


def interpret(
    pickle: bytes | BinaryIO,
    functions: Mapping[tuple[str, str], Callable | None],
    persistent: Callable[[Any], Any] | None,
) -> Any:
    """The value of one pickle.

    Args:
        pickle: its bytes, or a file that stands at its beginning and is left behind its end; its
            read() must refuse sizes beyond the file.
        functions: (module, name) -> what is called in its place; None for a name that may appear
            but not be called.
        persistent: gives the value for a persistent id; None if there may be none.

    Returns:
        dicts, lists, tuples, strings, bytes, numbers, None, and what `functions` and
        `persistent` return.

    Raises:
        PickleError: a name outside `functions`, an opcode beyond data, or a broken pickle.
    """
    machine = _Machine(functions, persistent)
    try:
        for opcode, argument, _ in pickletools.genops(pickle):
            if opcode.name == "STOP":
                return machine.stack.pop()
            machine.run(opcode.name, argument)
    except PickleError:
        raise
    except (ValueError, LookupError, TypeError, OverflowError, StopIteration) as error:
        raise PickleError(
            f"expected a whole pickle, received a broken one ({error.__class__.__name__}). "
            "Download the file again"
        ) from None
    raise PickleError("expected a whole pickle, received one without end. Download the file again")


class _Mark:
    """Where a run of items on the stack begins."""


_MARK = _Mark()
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_LITERALS = frozenset(
    (
        *("INT", "LONG", "LONG1", "LONG4", "BININT", "BININT1", "BININT2", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
        *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    )
)
_EMPTY = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
_SHORT_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_MEMO_PUTS = frozenset(("PUT", "BINPUT", "LONG_BINPUT"))
_MEMO_GETS = frozenset(("GET", "BINGET", "LONG_BINGET"))
_NOTHING = frozenset(("PROTO", "FRAME"))


class _Machine:
    def __init__(self, functions, persistent):
        self.stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._functions, self._persistent = functions, persistent

    def run(self, name: str, argument: Any) -> None:
        """Carries out one opcode."""
        if name in _LITERALS:
            self.stack.append(argument)
        elif name in _MEMO_PUTS:
            self._memo[argument] = self.stack[-1]
        elif name in _MEMO_GETS:
            self.stack.append(self._memo[argument])
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            self.stack.append(_EMPTY[name]())
        elif name in _SHORT_TUPLES:
            self.stack.append(tuple(self._pop(_SHORT_TUPLES[name])))
        elif name not in _NOTHING:
            method = getattr(self, f"_{name.lower()}", None)
            if method is None:
                raise PickleError(
                    f"expected a pickle of tensors only, received one with the opcode {name}. "
                    "Save the model's state_dict only"
                )
            method(argument)

    def _pop(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise IndexError("empty stack")
        items = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return items

    def _pop_to_mark(self) -> list[Any]:
        mark = next(i for i in range(len(self.stack) - 1, -1, -1) if self.stack[i] is _MARK)
        items = self.stack[mark + 1 :]
        del self.stack[mark:]
        return items

    def _mark(self, _) -> None:
        self.stack.append(_MARK)

    def _memoize(self, _) -> None:
        self._memo[len(self._memo)] = self.stack[-1]

    def _tuple(self, _) -> None:
        self.stack.append(tuple(self._pop_to_mark()))

    def _append(self, _) -> None:
        (item,) = self._pop(1)
        _as(list, self.stack[-1]).append(item)

    def _appends(self, _) -> None:
        items = self._pop_to_mark()
        _as(list, self.stack[-1]).extend(items)

    def _setitem(self, _) -> None:
        key, value = self._pop(2)
        _as(dict, self.stack[-1])[key] = value

    def _setitems(self, _) -> None:
        items = self._pop_to_mark()
        _as(dict, self.stack[-1]).update(zip(items[::2], items[1::2], strict=True))

    def _global(self, argument: str) -> None:
        self._push_symbol(*argument.split(" ", 1))

    def _stack_global(self, _) -> None:
        self._push_symbol(*self._pop(2))

    def _push_symbol(self, module: str, name: str) -> None:
        symbol = Symbol(module, name)
        if (module, name) not in self._functions:
            raise PickleError(
                f"expected a pickle of tensors only, received one that wants to use {symbol}. "
                "Nothing of it was run. Get the weights as safetensors, or save the model's "
                "state_dict only"
            )
        self.stack.append(symbol)

    def _binpersid(self, _) -> None:
        (identity,) = self._pop(1)
        if self._persistent is None:
            raise PickleError("expected no persistent id, received one")
        self.stack.append(self._persistent(identity))

    def _reduce(self, _) -> None:
        symbol, arguments = self._pop(2)
        function = self._functions[_as(Symbol, symbol).module, symbol.name]
        if function is None:
            raise PickleError(f"expected {symbol} as a name, received a call of it")
        self.stack.append(function(*_as(tuple, arguments)))

    def _build(self, _) -> None:
        # The state of an OrderedDict is its _metadata: versions of torch modules, no weights.
        self._pop(1)
        _as(dict, self.stack[-1])


def _as(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}")
    return value
