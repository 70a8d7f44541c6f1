"""Python files with small changes made at random, as JSON: a list of texts for each file.

    python mutants.py SEED COUNT FILE...

A change keeps the file a program that compiles; what it then does is for others to say. The texts
are the same for the same seed, files and release of Python.
"""

import ast
import copy
import json
import random
import sys

WRAPS = [
    "if True:\n    pass",
    "if False:\n    ...\nelse:\n    pass",
    "for turn in range(2):\n    pass",
    "for turn in ():\n    pass",
    "for turn in [0, 1, 2]:\n    if turn == 1:\n        continue\n    pass",
    "for turn in 'a':\n    ...\nelse:\n    pass",
    "while True:\n    pass\n    break",
    "try:\n    pass\nexcept Exception:\n    caught = 1",
    "try:\n    raise ValueError\nexcept ValueError:\n    pass",
    "try:\n    pass\nfinally:\n    after = 1",
    "import contextlib\nwith contextlib.suppress(Exception):\n    pass",
    "def wrapped():\n    pass\nwrapped()",
    "class Wrapped:\n    pass",
]
LINES = [
    "pass",
    "assert 1",
    "assert 0",
    "raise Exception('x')",
    "del undefined",
    "globals()['added'] = 1",
    "'%d' % 'a'",
    "{}['k']",
    "None.x",
    "1 / 0",
    "int('x')",
    "last = [turn for turn in range(3)][-1]",
    "(bound := 5)",
]
TEXTS = [
    lambda text: ast.JoinedStr([ast.FormattedValue(text, -1, None)]),
    lambda text: ast.BinOp(ast.Constant("%s"), ast.Mod(), text),
    lambda text: ast.Call(ast.Attribute(ast.Constant(""), "join", ast.Load()), [text], []),
    lambda text: ast.Call(ast.Name("str", ast.Load()), [text], []),
    lambda text: ast.Call(ast.Attribute(text, "title", ast.Load()), [], []),
    lambda text: ast.Call(ast.Attribute(text, "strip", ast.Load()), [], []),
    lambda text: ast.BinOp(text, ast.Mult(), ast.Constant(2)),
]
VALUES = [
    lambda value: ast.Call(ast.Lambda(ast.arguments([], [], None, [], [], None, []), value), [], []),
    lambda value: ast.Subscript(ast.List([value], ast.Load()), ast.Constant(0), ast.Load()),
    lambda value: ast.IfExp(ast.Constant(True), value, ast.Constant(None)),
    lambda value: ast.BoolOp(ast.Or(), [ast.Constant(None), value]),
]


class Mutant:
    """One file on its way."""

    def __init__(self, text, chance):
        self.tree = ast.parse(text)
        self.chance = chance

    def bodies(self, tree=None):
        for node in ast.walk(tree or self.tree):
            for name in ("body", "orelse", "finalbody"):
                body = getattr(node, name, None)
                if isinstance(body, list) and body and isinstance(body[0], ast.stmt):
                    yield body

    def place(self):
        """A body and the index of a statement in it; imports seldom."""
        places = []
        for body in self.bodies():
            for index, statement in enumerate(body):
                imports = isinstance(statement, (ast.Import, ast.ImportFrom))
                if not imports or self.chance.random() < 0.2:
                    places.append((body, index))
        return self.chance.choice(places)

    def all(self, kind, where=lambda node: True):
        return [node for node in ast.walk(self.tree) if isinstance(node, kind) and where(node)]

    def one(self, kind, where=lambda node: True):
        return self.chance.choice(self.all(kind, where))

    def is_text(self, node):
        return isinstance(node.value, str) and len(node.value) < 60

    def replace(self, old, new):
        class Replace(ast.NodeTransformer):
            def visit_JoinedStr(self, node):
                return node

            def visit_Constant(self, node):
                return new if node is old else node

        Replace().visit(self.tree)

    # --- changes; one that finds nothing to change raises IndexError

    def drop(self):
        body, index = self.place()
        if len(body) > 1:
            del body[index]

    def double(self):
        body, index = self.place()
        body.insert(index, copy.deepcopy(body[index]))

    def move(self):
        body, index = self.place()
        to, at = self.place()
        to.insert(at, copy.deepcopy(body[index]))

    def swap(self):
        body, index = self.place()
        body[index], body[index - 1] = body[index - 1], body[index]

    def wrap(self):
        body, index = self.place()
        around = ast.parse(self.chance.choice(WRAPS))
        inside = [(b, i) for b in self.bodies(around) for i, s in enumerate(b) if isinstance(s, ast.Pass)]
        b, i = inside[-1]
        b[i] = body[index]
        body[index : index + 1] = around.body

    def unwrap(self):
        holds = (ast.With, ast.If, ast.For, ast.FunctionDef)
        places = [(b, i) for b in self.bodies() for i, s in enumerate(b) if isinstance(s, holds)]
        body, index = self.chance.choice(places)
        inner = body[index].body
        if self.chance.random() < 0.4:
            body[index : index + 1] = inner
        elif len(inner) > 1:
            body.insert(index + 1, inner.pop())

    def other_text(self):
        one, other = self.one(ast.Constant, self.is_text), self.one(ast.Constant, self.is_text)
        ends = ["x", " y", "é", ".z", "_1"]
        one.value = other.value if self.chance.random() < 0.6 else one.value + self.chance.choice(ends)

    def computed_text(self):
        one = self.one(ast.Constant, self.is_text)
        self.replace(one, self.chance.choice(TEXTS)(ast.Constant(one.value)))

    def other_number(self):
        one = self.one(ast.Constant, lambda node: type(node.value) is int)
        one.value = self.chance.choice([0, 1, 2, 3, one.value + 1])

    def other_constant(self):
        one = self.one(ast.Constant, lambda node: node.value is None or isinstance(node.value, bool))
        one.value = self.chance.choice([True, False, None])

    def other_name(self):
        loaded = lambda node: isinstance(node.ctx, ast.Load)
        self.one(ast.Name, loaded).id = self.one(ast.Name, loaded).id

    def other_shift(self):
        one = self.one(ast.BinOp, lambda node: isinstance(node.op, (ast.RShift, ast.LShift)))
        kind = self.chance.randrange(3)
        if kind == 0:
            one.op = ast.LShift() if isinstance(one.op, ast.RShift) else ast.RShift()
        elif kind == 1:
            one.left, one.right = one.right, one.left
        else:
            one.right = ast.List([one.right, copy.deepcopy(one.right)], ast.Load())

    def other_list(self):
        one = self.one(ast.List, lambda node: isinstance(node.ctx, ast.Load) and node.elts)
        kind = self.chance.randrange(4)
        if kind == 0:
            one.elts.reverse()
        elif kind == 1:
            one.elts.append(copy.deepcopy(self.chance.choice(one.elts)))
        elif kind == 2:
            one.elts.pop()
        else:
            one.elts = [ast.Starred(ast.Tuple(one.elts, ast.Load()), ast.Load())]

    def other_keyword(self):
        call = self.one(ast.Call, lambda node: node.keywords)
        keyword = self.chance.choice(call.keywords)
        kind = self.chance.randrange(4)
        if kind == 0:
            call.keywords.remove(keyword)
        elif kind == 1 and keyword.arg:
            keyword.arg += "_"
        elif kind == 2 and keyword.arg:
            call.keywords.remove(keyword)
            call.keywords.append(ast.keyword(None, ast.Dict([ast.Constant(keyword.arg)], [keyword.value])))
        else:
            other = self.one(ast.Call, lambda node: node.keywords)
            call.keywords.append(copy.deepcopy(self.chance.choice(other.keywords)))

    def other_arguments(self):
        call = self.one(ast.Call, lambda node: node.args)
        call.args.reverse() if self.chance.random() < 0.5 else call.args.pop()

    def computed_value(self):
        one = self.one(ast.Assign)
        one.value = self.chance.choice(VALUES)(one.value)

    def other_function(self):
        one = self.one(ast.FunctionDef)
        kind = self.chance.randrange(3)
        if kind == 0:
            one.decorator_list.pop()
        elif kind == 1:
            one.name += "_other"
        else:
            one.args.args.pop()

    def line(self):
        body, index = self.place()
        body[index:index] = ast.parse(self.chance.choice(LINES)).body

    CHANGES = [drop, double, move, swap, wrap, wrap, wrap, unwrap, other_text, other_text, computed_text]
    CHANGES += [other_number, other_constant, other_name, other_shift, other_list, other_keyword, other_keyword]
    CHANGES += [other_arguments, computed_value, other_function, line]


def mutant(text, chance):
    """The text with one to three changes; `None` if none came of it."""
    try:
        before = ast.unparse(ast.parse(text))
    except (SyntaxError, ValueError):
        return None
    for _ in range(10):
        made = Mutant(text, chance)
        try:
            for _ in range(chance.choice([1, 1, 1, 2, 3])):
                chance.choice(Mutant.CHANGES)(made)
            after = ast.unparse(ast.fix_missing_locations(made.tree))
            compile(after, "mutant", "exec")
        except (IndexError, SyntaxError, ValueError, TypeError, AttributeError):
            continue
        if after != before:
            return "# airflow dag\n" + after + "\n"
    return None


def main():
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    told = []
    for number, path in enumerate(sys.argv[3:]):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        chance = random.Random(seed * 100_003 + number)
        told.append([made for made in (mutant(text, chance) for _ in range(count)) if made is not None])
    json.dump(told, sys.stdout)


main()
