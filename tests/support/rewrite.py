"""Writes a tree of Python files anew so that what it means stays as it is.

    rewrite.py WAY FROM TO

The ways: `format` (CPython's own layout and quotes, without comments), `quotes` (the other ones),
`comments` (one behind each line), `imports` (their order), `locals` (names of local variables), `helpers` (what functions return
is computed by a function of its own). Files that do not parse are left out.
"""
import ast
import io
import shutil
import sys
import tokenize
from pathlib import Path


def comments(source):
    """A comment behind each line that ends a statement and has none."""
    lines = source.splitlines(keepends=True)
    ends = []
    commented = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            commented.add(token.start[0])
        elif token.type == tokenize.NEWLINE and token.string:
            ends.append(token.start)
    for row, column in ends:
        line = lines[row - 1]
        if row not in commented:
            lines[row - 1] = line[:column] + "  # as it was" + line[column:]
    return "".join(lines)


def quotes(source):
    """The other quotes around each text of one line that has neither in it."""
    lines = source.splitlines(keepends=True)
    texts = [t for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type == tokenize.STRING]
    for token in reversed(texts):
        mark = token.string[-1]
        other = "'" if mark == '"' else '"'
        begin = token.string.index(mark)
        inner = token.string[begin + 1:-1]
        row, column = token.start
        if token.end[0] != row or any(letter in inner for letter in "'\"\\{"):
            continue
        line = lines[row - 1]
        lines[row - 1] = line[:column] + token.string[:begin] + other + inner + other + line[token.end[1]:]
    return "".join(lines)


def is_import(statement):
    return isinstance(statement, (ast.Import, ast.ImportFrom))


def binds(statement):
    return {name.asname or name.name.split(".")[0] for name in statement.names}


def imports(tree, ours):
    """Turns each row of imports of installed modules round, where no name is bound twice in it.

    What a module of the tree does when it is imported may depend on its place.
    """
    body, row = [], []

    def flush():
        names = [name for statement in row for name in binds(statement)]
        whole = len(names) == len(set(names)) and "*" not in names
        body.extend(reversed(row) if whole else row)
        row.clear()

    for statement in tree.body:
        future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
        if is_import(statement) and not future and not modules(statement) & ours:
            row.append(statement)
        else:
            flush()
            body.append(statement)
    flush()
    tree.body = body
    return tree


def modules(statement):
    """The first names of what it imports; all of the tree's, where it is relative."""
    if isinstance(statement, ast.Import):
        return {name.name.split(".")[0] for name in statement.names}
    return {"." if statement.level else statement.module.split(".")[0]}


SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef,
          ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def own(function):
    """The nodes of a function that belong to no scope within it; none if it has such a scope."""
    nodes = []
    open_ = list(function.body)
    while open_:
        node = open_.pop()
        if isinstance(node, SCOPES):
            return None
        nodes.append(node)
        open_.extend(ast.iter_child_nodes(node))
    return nodes


def looks_around(nodes):
    """Whether names are more than names to the code."""
    words = {"locals", "globals", "vars", "exec", "eval", "dir"}
    return any(isinstance(node, (ast.Global, ast.Nonlocal)) or isinstance(node, ast.Name) and node.id in words
               for node in nodes)


def parameters(function):
    a = function.args
    every = a.posonlyargs + a.args + a.kwonlyargs + [x for x in (a.vararg, a.kwarg) if x]
    return {x.arg for x in every}


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def local_names(tree):
    """Another name for each local variable of functions without a scope in them."""
    for function in functions(tree):
        nodes = own(function)
        if nodes is None or looks_around(nodes):
            continue
        stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        imported = {name for n in nodes if is_import(n) for name in binds(n)}
        caught = {n.name for n in nodes if isinstance(n, ast.ExceptHandler) and n.name}
        matched = any(isinstance(n, ast.Match) for n in nodes)
        names = set() if matched else stored - parameters(function) - imported - caught
        for node in nodes:
            if isinstance(node, ast.Name) and node.id in names:
                node.id += "_too"
    return tree


def helpers(tree):
    """What a function of the module returns is computed by a function in front of it."""
    body = []
    taken = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} | {f.name for f in functions(tree)}
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef):
            body.extend(helpers_of(statement, taken))
        body.append(statement)
    tree.body = body
    return tree


def helpers_of(function, taken):
    nodes = own(function)
    if nodes is None or looks_around(nodes) or any(isinstance(n, (ast.Yield, ast.YieldFrom, ast.Await)) for n in nodes):
        return []
    local = parameters(function) | {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    local |= {name for n in nodes if is_import(n) for name in binds(n)}
    made = []
    for node in nodes:
        if not isinstance(node, ast.Return) or not isinstance(node.value, (ast.BinOp, ast.Call, ast.Dict, ast.List, ast.JoinedStr)):
            continue
        inner = list(ast.walk(node.value))
        if any(isinstance(n, SCOPES + (ast.NamedExpr,)) for n in inner):
            continue
        used = sorted({n.id for n in inner if isinstance(n, ast.Name)} & local)
        name = f"_{function.name}_{len(made) + 1}"
        if name in taken:
            continue
        args = ast.arguments(posonlyargs=[], args=[ast.arg(arg=u) for u in used], kwonlyargs=[], kw_defaults=[], defaults=[])
        made.append(ast.FunctionDef(name=name, args=args, body=[ast.Return(value=node.value)], decorator_list=[]))
        node.value = ast.Call(func=ast.Name(id=name, ctx=ast.Load()),
                              args=[ast.Name(id=u, ctx=ast.Load()) for u in used], keywords=[])
    return made


WORDS = ("airflow", "dag", "asset")


def rewritten(way, source, ours):
    if way in ("comments", "quotes"):
        return {"comments": comments, "quotes": quotes}[way](source)
    tree = ast.parse(source)
    tree = {"format": lambda t: t, "imports": lambda t: imports(t, ours), "locals": local_names, "helpers": helpers}[way](tree)
    text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
    # Airflow takes a file for a DAG file by words, and they may stand in a comment.
    lost = [word for word in WORDS if word in source.lower() and word not in text.lower()]
    return text + "".join(f"# {word}\n" for word in lost)


def main():
    way, begin, end = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    changed = 0
    ours = {part.removesuffix(".py") for p in begin.rglob("*") for part in p.relative_to(begin).parts} | {"."}
    for path in sorted(p for p in begin.rglob("*") if p.is_file()):
        to = end / path.relative_to(begin)
        to.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix != ".py":
            shutil.copyfile(path, to)
            continue
        source = path.read_bytes()
        try:
            text = rewritten(way, source.decode("utf-8"), ours)
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, tokenize.TokenError):
            shutil.copyfile(path, to)
            continue
        to.write_text(text, encoding="utf-8")
        changed += text.encode() != source
    print(changed)


if __name__ == "__main__":
    main()
