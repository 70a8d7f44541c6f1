//! Tests of the room's outside: comparison of sources.

use super::same_code;

#[test]
fn same_code_ignores_what_does_not_run() {
    assert!(same_code(b"x = 'a'  # c\n", b"x = \"a\"\n"));
    assert!(same_code(b"def f(a, b):\n    '''doc'''\n    return (a)\n", b"def f(\n  a,\n  b,\n):\n  return a\n"));
    assert!(!same_code(b"x = 1\n", b"x = 2\n"));
}
