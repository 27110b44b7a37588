"""Whether a chat template looks at nothing of a plain conversation but its shape, read off its source.

The source is run on kinds of values instead of values: contents may be put out, joined to other text, trimmed, tested
for being there; whatever else is done with them, and whatever is not known here, is a look. What a blind template gives
for one conversation of a shape is then its text for all of them, the contents aside, so that it need not be run for each
(16 us and more a conversation). Names have one kind for the whole template, the least that covers all that is assigned
to them: what is called blind is, and some that are called seeing are not.

Two looks are let pass where plain conversations answer them all alike (`Sight.tags`): does a content begin with `<...`,
and is `</think>` in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, NamedTuple

from jinja2 import nodes

Kind = Enum("Kind", "CLEAN LIST MESSAGE CORE TEXT SPACE ANY")
"""CLEAN: known from the shape. LIST: messages. MESSAGE: one of them. CORE: a content, trimmed or not. TEXT: CLEAN, or text
that holds contents. SPACE: a namespace. ANY: one of several of these, good for being tested for truth."""


class Value(NamedTuple):
    """What is known of an expression. truth: its truth, where that is the same for all shapes."""

    kind: Kind
    truth: bool | None = None


class Sight(NamedTuple):
    """blind: whether a template looks at shapes alone. tags: whether that holds only for contents without `</think>` and
    without a tag at their beginning."""

    blind: bool
    tags: bool = False


class _LookError(Exception):
    """The template does something that may depend on a content."""


CLEAN, CORE, TEXT = Value(Kind.CLEAN), Value(Kind.CORE, True), Value(Kind.TEXT)
WORDS = {Kind.CLEAN, Kind.CORE, Kind.TEXT}
TRIMS = ("strip", "lstrip", "rstrip")
CLOSED = "</think>"
UNREPEATABLE = ("random", "lipsum", "caller", "varargs", "kwargs")
OF_STRINGS = {"string": True, "defined": True, "iterable": True, "sequence": True} | dict.fromkeys(
    ("undefined", "none", "mapping", "number", "integer", "float", "boolean", "true", "false", "callable"), False
)
"""What Jinja's tests say of every string."""


def sight(source: nodes.Template) -> Sight:
    """Read a parsed template."""
    macros = list(source.find_all(nodes.Macro))
    reader = _Reader({macro.name: macro for macro in macros})
    if len(reader.macros) < len(macros):
        return Sight(False)
    try:
        for _ in range(20):  # kinds only grow, so that this ends; what has not ended by then is refused
            before = dict(reader.names)
            reader.statements(source.body)
            if reader.names == before:
                return Sight(True, reader.tags)
    except (_LookError, RecursionError):
        pass
    return Sight(False)


def _joined(a: Value, b: Value) -> Value:
    """What covers both."""
    truth = a.truth if a.truth == b.truth else None
    if a.kind is b.kind:
        return Value(a.kind, truth)
    return Value(Kind.TEXT if {a.kind, b.kind} <= WORDS else Kind.ANY, truth)


class _Reader:
    """names: the kind of each variable; `space.field` for a namespace's. loops: what the loops around run over."""

    def __init__(self, macros: dict[str, nodes.Macro]) -> None:
        self.macros = macros
        self.names: dict[str, Value] = {"messages": Value(Kind.LIST)}
        self.loops: list[Kind] = []
        self.tags = False

    def assign(self, name: str, value: Value) -> None:
        known = Value(value.kind)
        self.names[name] = _joined(self.names[name], known) if name in self.names else known

    def clean(self, given: Iterable[nodes.Node | None]) -> Value:
        """All of these are known from the shape."""
        for one in given:
            if one is not None and self.value(one).kind is not Kind.CLEAN:
                raise _LookError
        return CLEAN

    # Statements

    def statements(self, body: Iterable[nodes.Node]) -> None:
        for one in body:
            getattr(self, f"_{type(one).__name__.lower()}", self._unknown)(one)

    def _unknown(self, node: nodes.Node) -> Any:
        raise _LookError

    def _output(self, node: nodes.Output) -> None:
        if any(self.value(one).kind not in WORDS for one in node.nodes):
            raise _LookError

    def _if(self, node: nodes.If) -> None:
        truth = self.value(node.test).truth
        if truth is not False:
            self.statements(node.body)
        if truth is not True:
            self.statements([*node.elif_, *node.else_])

    def _for(self, node: nodes.For) -> None:
        over = self.value(node.iter).kind
        if node.recursive or over not in (Kind.CLEAN, Kind.LIST):
            raise _LookError
        self._targets(node.target, Value(Kind.MESSAGE) if over is Kind.LIST else CLEAN)
        self.loops.append(over)
        if node.test is not None:
            self.value(node.test)
        self.statements([*node.body, *node.else_])
        self.loops.pop()

    def _targets(self, target: nodes.Node, value: Value) -> None:
        if isinstance(target, nodes.Name):
            self.assign(target.name, value)
        elif isinstance(target, nodes.NSRef) and self.names.get(target.name, CLEAN).kind is Kind.SPACE:
            self.assign(f"{target.name}.{target.attr}", value)
        elif isinstance(target, nodes.Tuple) and value.kind is Kind.CLEAN:
            for one in target.items:
                self._targets(one, value)
        else:
            raise _LookError

    def _assign(self, node: nodes.Assign) -> None:
        given = node.node
        if isinstance(given, nodes.Call) and isinstance(given.node, nodes.Name) and given.node.name == "namespace":
            if given.args or given.dyn_args or given.dyn_kwargs or not isinstance(node.target, nodes.Name):
                raise _LookError
            self.assign(node.target.name, Value(Kind.SPACE))
            for pair in given.kwargs:
                self.assign(f"{node.target.name}.{pair.key}", self.value(pair.value))
        else:
            self._targets(node.target, self.value(given))

    def _assignblock(self, node: nodes.AssignBlock) -> None:
        if node.filter is not None:
            raise _LookError
        self.statements(node.body)
        self._targets(node.target, TEXT)

    def _macro(self, node: nodes.Macro) -> None:
        for one, default in zip(reversed(node.args), reversed(node.defaults), strict=False):
            self.assign(one.name, self.value(default))
        self.statements(node.body)

    def _callblock(self, node: nodes.CallBlock) -> None:
        """`{% generation %}`, the one extension with a body."""
        if not isinstance(node.call.node, nodes.ExtensionAttribute):
            raise _LookError
        self.statements(node.body)

    def _break(self, node: nodes.Node) -> None:
        pass

    _continue = _break

    # Expressions

    def value(self, node: nodes.Node) -> Value:
        read: Callable[[Any], Value] = getattr(self, f"_{type(node).__name__.lower()}", self._all_clean)
        return read(node)

    def _all_clean(self, node: nodes.Node) -> Value:
        """Arithmetic, lists and the like: of what is known from the shape."""
        if not isinstance(node, nodes.Expr | nodes.Helper):
            raise _LookError
        return self.clean(node.iter_child_nodes())

    def _templatedata(self, node: nodes.TemplateData) -> Value:
        return CLEAN

    def _const(self, node: nodes.Const) -> Value:
        return Value(Kind.CLEAN, bool(node.value))

    def _name(self, node: nodes.Name) -> Value:
        if node.name in UNREPEATABLE or node.name in self.macros:
            raise _LookError
        return self.names.get(node.name, CLEAN)

    def _getattr(self, node: nodes.Getattr) -> Value:
        return self._field(node.node, node.attr)

    def _getitem(self, node: nodes.Getitem) -> Value:
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            return self._field(node.node, node.arg.value)
        self.clean([node.arg])
        kind = self.value(node.node).kind
        if kind is Kind.LIST:
            return Value(Kind.LIST if isinstance(node.arg, nodes.Slice) else Kind.MESSAGE)
        return self.clean([node.node])

    def _field(self, node: nodes.Node, name: str) -> Value:
        """A plain message has a role and a content; whatever else is asked of it, it has not."""
        kind = self.value(node).kind
        if isinstance(node, nodes.Name) and node.name == "loop" and name in ("previtem", "nextitem"):
            return Value(Kind.MESSAGE) if self.loops and self.loops[-1] is Kind.LIST else self._unknown(node)
        if kind is Kind.MESSAGE and not hasattr(dict, name):
            return CORE if name == "content" else CLEAN
        if kind is Kind.SPACE and isinstance(node, nodes.Name):
            return self.names.get(f"{node.name}.{name}", CLEAN)
        return self.clean([node])

    def _call(self, node: nodes.Call) -> Value:
        given = [*node.args, *(pair.value for pair in node.kwargs), node.dyn_args, node.dyn_kwargs]
        if isinstance(node.node, nodes.Getattr):
            return self._method(node.node, node.args, given)
        if isinstance(node.node, nodes.Name) and node.node.name in self.macros:
            return self._macro_call(self.macros[node.node.name], node)
        copied = isinstance(node.node, nodes.Name) and node.node.name == "dict" and "dict" not in self.names
        if copied and given == [*node.args[:1], None, None] and self.value(node.args[0]).kind is Kind.MESSAGE:
            return self.value(node.args[0])
        self.clean([node.node])
        return self.clean(given)

    def _macro_call(self, macro: nodes.Macro, node: nodes.Call) -> Value:
        if node.dyn_args or node.dyn_kwargs or len(node.args) > len(macro.args):
            raise _LookError
        for target, one in zip(macro.args, node.args, strict=False):
            self.assign(target.name, self.value(one))
        for pair in node.kwargs:
            self.assign(pair.key, self.value(pair.value))
        return TEXT

    def _method(self, node: nodes.Getattr, args: list[nodes.Expr], given: list[nodes.Expr | None]) -> Value:
        value = self.value(node.node)
        texts = [one.value for one in args if isinstance(one, nodes.Const) and isinstance(one.value, str)]
        said = texts[0] if len(given) == 3 and len(texts) == 1 else None  # the only argument, a text
        if value.kind is Kind.MESSAGE and node.attr == "get" and texts[:1]:
            self.clean(given)
            return self._field(node.node, texts[0])
        if value.kind in (Kind.CORE, Kind.TEXT):
            if node.attr in TRIMS and (not any(given) or (said is not None and said.isspace())):
                return value
            if value.kind is Kind.CORE and node.attr == "startswith" and said and said[0] == "<":
                self.tags = True
                return Value(Kind.CLEAN, False)
            raise _LookError
        self.clean([node.node])
        return self.clean(given)

    def _filter(self, node: nodes.Filter) -> Value:
        if node.node is None or node.name in UNREPEATABLE:
            raise _LookError
        value = self.value(node.node)
        given = [*node.args, *(pair.value for pair in node.kwargs), node.dyn_args, node.dyn_kwargs]
        self.clean(given)
        if value.kind in (Kind.CORE, Kind.TEXT) and node.name in ("trim", "string") and not any(given):
            return value
        if value.kind is Kind.LIST and not any(given):
            if node.name in ("length", "count"):
                return CLEAN
            if node.name in ("first", "last"):
                return Value(Kind.MESSAGE)
            if node.name == "list":
                return value
        return self.clean([node.node])

    def _test(self, node: nodes.Test) -> Value:
        value = self.value(node.node)
        if node.args or node.kwargs or node.name not in OF_STRINGS:
            return self._all_clean(node)
        there = value.kind is Kind.CORE and value.truth  # a variable may not have been assigned
        return Value(Kind.CLEAN, OF_STRINGS[node.name] if there else None)

    def _compare(self, node: nodes.Compare) -> Value:
        left, right = self.value(node.expr), self.value(node.ops[0].expr)
        op = node.ops[0].op
        if len(node.ops) == 1 and op in ("in", "notin") and left.kind is Kind.CLEAN:
            if right.kind is Kind.MESSAGE:
                return CLEAN
            if right.kind is Kind.CORE and isinstance(node.expr, nodes.Const) and CLOSED in str(node.expr.value):
                self.tags = True
                return Value(Kind.CLEAN, op == "notin")
        nothing = isinstance(node.ops[0].expr, nodes.Const) and node.ops[0].expr.value in ("", None)
        if len(node.ops) == 1 and op in ("eq", "ne") and nothing and left.kind in WORDS:
            return Value(Kind.CLEAN, op == "ne" if left.kind is Kind.CORE else None)
        return self._all_clean(node)

    def _and(self, node: nodes.And) -> Value:
        left = self.value(node.left)
        return left if left.truth is False else self._either(left, self.value(node.right), stops=False)

    def _or(self, node: nodes.Or) -> Value:
        left = self.value(node.left)
        return left if left.truth is True else self._either(left, self.value(node.right), stops=True)

    def _either(self, left: Value, right: Value, *, stops: bool) -> Value:
        """One of two values: the first where its truth is `stops`."""
        if left.truth is not None:
            return right
        kind = _joined(left, right).kind
        return Value(kind, stops if right.truth is stops else None)

    def _not(self, node: nodes.Not) -> Value:
        truth = self.value(node.node).truth
        return Value(Kind.CLEAN, None if truth is None else not truth)

    def _condexpr(self, node: nodes.CondExpr) -> Value:
        truth = self.value(node.test).truth
        otherwise = node.expr2 or nodes.Const(None)
        if truth is not None:
            return self.value(node.expr1 if truth else otherwise)
        return _joined(self.value(node.expr1), self.value(otherwise))

    def _concat(self, node: nodes.Concat) -> Value:
        return self._texts(node.nodes)

    def _add(self, node: nodes.Add) -> Value:
        return self._texts([node.left, node.right])

    def _texts(self, parts: Iterable[nodes.Node]) -> Value:
        kinds = {self.value(one).kind for one in parts}
        if not kinds <= WORDS:
            raise _LookError
        return CLEAN if kinds == {Kind.CLEAN} else TEXT
