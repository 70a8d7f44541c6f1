//! Tests of the room's outside: syntax errors, comparison of sources, bounds.

mod values;

use super::parse::parse;
use proptest::prelude::*;

/// As in a tree that has the module `ours`.
fn same_code(a: &[u8], b: &[u8]) -> bool {
    super::same_code("a.py", [a, b], |name| name != "ours")
}

/// What Python would say about a source, with the line; empty if it would run it.
fn check(source: &[u8], expected: &str) {
    let found = match parse(source) {
        Ok(_) => String::new(),
        Err(error) => format!("{}: {}", error.span.line, error.message),
    };
    assert_eq!(found, expected, "{}", String::from_utf8_lossy(source));
}

#[test]
fn what_python_refuses_is_refused() {
    check(b"x = (1\n", "1: invalid syntax");
    check(b"print 'x'\n", "1: missing parentheses in call to `print`");
    check(b"exec 'x'\n", "1: missing parentheses in call to `exec`");
    check(b"try:\n    pass\nexcept A, e:\n    pass\n", "3: multiple exception types must be parenthesized");
    check(b"raise E, 'x'\n", "1: invalid syntax: `raise` takes one expression");
    check(b"x = 0777\n", "1: leading zeros in decimal integer literals are not permitted");
    check(b"if 1 <> 2:\n    pass\n", "1: invalid syntax: `<>`");
    check(b"return 1\n", "1: `return` outside function");
    check(b"f(a=1, 2)\n", "1: positional argument follows keyword argument");
    check(b"def f(a=1, b):\n    pass\n", "1: parameter without a default follows parameter with a default");
    check(b"if x:\n        a\n    b\n", "1: unindent does not match, or unexpected indent");
    check(b"x = 1\n  y = 2\n", "1: unindent does not match, or unexpected indent");
    check(b"x = '\xff'\n", "1: not UTF-8, and no encoding declared");
    check(b"x = 1\0\n", "1: source code cannot contain null bytes");
}

#[test]
fn what_python_runs_is_read() {
    for source in [
        &b""[..],
        b"# coding: latin-1\nx = '\xff'\n",
        b"# -*- coding: iso-8859-15 -*-\nx = '\xff'\n",
        b"\xef\xbb\xbfx = 1\n",
        b"if x:\r\n    y = 1\r\nelse:\r\n\tz = 2\r\n",
        b"x = \\\r\n    1\r\n",
        b"import sys\nprint >>sys.stderr, 'x'\n",
        b"try:\n    pass\nexcept (A, B) as e:\n    pass\n",
        b"with (a as b, c as d):\n    pass\n",
        b"match x:\n    case [1, *_] | {'a': 2}:\n        pass\n    case _:\n        pass\n",
        b"x = 00\ny = 0o17\nz = 1_000j\n",
        b"def f(a, /, b, *, c=1, d, **e): pass\n",
        b"async def f():\n    async with a as b:\n        await b\n    return [x async for x in y]\n",
        b"f(*a, b, **c, d=1)\n",
        b"type X = int\n",
        b"print = 1\nmatch = 2\ntype = 3\nmatch(print)\n",
        b"x = f'{a!r:>{w}} {b=} {{}}' + 'x' \n",
    ] {
        check(source, "");
    }
}

#[test]
fn a_comment_left_of_its_block_ends_nothing() {
    let commented = "class A:\n    @a\n\n# one\n    def f(self):\n        x = '''\n# text\n'''\n        @b\n  # two\n        def g(): pass\n";
    check(commented.as_bytes(), "");
    let plain = commented.replace("# one", "").replace("  # two", "");
    assert!(same_code(commented.as_bytes(), plain.as_bytes()));
    assert!(!same_code(commented.as_bytes(), plain.replace("# text", "").as_bytes()), "a text is no comment");
    check(b"@a\n# one\nx = 1\n", "1: invalid syntax");
}

#[test]
fn equal_code_is_told_from_other_code() {
    let equal = |a: &str, b: &str| assert!(same_code(a.as_bytes(), b.as_bytes()), "{a} / {b}");
    let differs = |a: &str, b: &str| assert!(!same_code(a.as_bytes(), b.as_bytes()), "{a} / {b}");
    equal("import os\nfrom a import b\nx = 1\n", "from a import b\nimport os\nx = 1\n");
    equal("import a.b\nimport a.c\n", "import a.c\nimport a.b\n");
    differs("import os\nimport ours.a\nimport ours.b\n", "import os\nimport ours.b\nimport ours.a\n");
    differs("from a import x\nfrom b import x\n", "from b import x\nfrom a import x\n");
    differs("import a\nfrom b import a\n", "from b import a\nimport a\n");
    differs("from a import *\nfrom b import *\n", "from b import *\nfrom a import *\n");
    equal("x = 'a'  # c\n", "x = \"a\"\n");
    equal("def f(a, b):\n    '''doc'''\n    return (a)\n", "def f(\n  a,\n  b,\n):\n  return a\n");
    equal("x = 'a' 'b'\n", "x = 'ab'\n");
    equal("'''module'''\nimport a\n", "import a\n");
    equal("x = 0x10\n", "x = 16\n");
    equal("if x:\n\ty = (\n 1 + 2)\n", "if x:\n    y = 1 + 2\n");
    differs("x = 1\n", "x = 2\n");
    differs("x = a + b\n", "x = b + a\n");
    differs("x = a - (b - c)\n", "x = a - b - c\n");
    differs("x = (1,)\n", "x = (1)\n");
    differs("x = '1'\n", "x = 1\n");
    differs("x = b'a'\n", "x = 'a'\n");
    differs("f(*a)\n", "f(a)\n");
    differs("def f(): return 1\n", "def f(): yield 1\n");
    differs("x: int = 1\n", "x: str = 1\n");
    differs("from a import b\n", "from a import c\n");
}

#[test]
fn deep_and_large_sources_are_bounded() {
    let deep = format!("x = {}1{}\n", "(".repeat(10_000), ")".repeat(10_000));
    let lists = format!("x = {}{}\n", "[".repeat(10_000), "]".repeat(10_000));
    let unary = format!("x = {}1\n", "-".repeat(10_000));
    let attributes = format!("x = a{}\n", ".b".repeat(10_000));
    let blocks: String = (0..1_000).fold(String::new(), |text, depth| text + &" ".repeat(depth) + "if x:\n");
    let large = "x = [1, 2, 3]\n".repeat(5 << 14);
    std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(move || {
            for source in [deep, lists, unary, attributes, blocks] {
                assert!(!same_code(source.as_bytes(), b"x = 1\n"));
            }
            assert!(!same_code(large.as_bytes(), b"x = 1\n"));
        })
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn long_chains_are_not_deep() {
    let source = format!("x = a{}\n", " + b".repeat(20_000));
    check(source.as_bytes(), "");
    let source = format!("x = a{}\n", " and b".repeat(20_000));
    check(source.as_bytes(), "");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_parse_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
        prop_assert!(same_code(&bytes, &bytes));
    }

    #[test]
    fn any_words_parse_or_are_refused(words in proptest::collection::vec(
        proptest::sample::select(vec![
            "def", "f", "(", ")", ":", "\n", "    ", "if", "x", "=", "1", "'a'", "f'{x}'", "[", "]", "{", "}", "for", "in",
            "lambda", "*", "**", ",", "with", "as", "class", "return", "@", ".", "match", "case", "_", "try", "except", "not",
        ]), 0..60)) {
        let _ = parse(words.join(" ").as_bytes());
    }

    #[test]
    fn comments_and_blank_lines_do_not_count(values in proptest::collection::vec(0..100_i32, 1..10)) {
        let plain: Vec<_> = values.iter().map(|value| format!("x{value} = f({value}, 'a')")).collect();
        let written: Vec<_> = values.iter().map(|value| format!("# {value}\n\nx{value} = f(  {value},\n  \"a\",)  # c")).collect();
        prop_assert!(same_code(plain.join("\n").as_bytes(), written.join("\n").as_bytes()));
    }
}

#[test]
fn files_that_are_parsed_in_a_row_are_as_those_parsed_alone() {
    let sources: [&[u8]; 7] = [
        b"x = 'a' \"b\" f'{c}' '''d\ne''' '' r'\\f' b'g' '\\x41'\n",
        b"x = (1\n",
        b"def f(a=1):\n    '''text'''\n    return \"\"\n",
        b"# coding: latin-1\nx = '\xff'\n",
        b"",
        b"x = 'a\r\nb'\n",
        b"x = '\xff'\n",
    ];
    let together = super::parse::parse_all(sources.into_iter());
    let alone = sources.map(parse);
    assert_eq!(format!("{together:?}"), format!("{alone:?}"));
}
