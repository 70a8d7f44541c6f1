//! stub
pub(crate) fn same_code(a: &[u8], b: &[u8]) -> bool {
    a == b
}
