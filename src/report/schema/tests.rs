//! Real outputs against the schemas that are checked in.

mod tricky;

use super::{Shape, schema};
use serde_json::Value;

/// What the schema says against a document, and what the document has that the schema does not
/// name: a field without a word about it is a fault of ours, though no reader's.
pub(crate) fn faults(shape: Shape, document: &Value) -> Vec<String> {
    let root: Value = serde_json::from_str(schema(shape)).unwrap();
    let mut faults = Vec::new();
    check(&root, &root, document, "$", &mut faults);
    faults
}

/// The keywords that our schemas use; any other one would not be looked at, so it is a fault.
fn check(root: &Value, schema: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" => {}
            "$ref" => {
                let target = root.pointer(rule.as_str().unwrap().trim_start_matches('#')).unwrap();
                check(root, target, value, path, faults);
            }
            "anyOf" => {
                let fits = |schema: &Value| {
                    let mut faults = Vec::new();
                    check(root, schema, value, path, &mut faults);
                    faults
                };
                let tried: Vec<_> = rule.as_array().unwrap().iter().map(fits).collect();
                if tried.iter().all(|faults| !faults.is_empty()) {
                    faults.extend(tried.into_iter().flatten());
                }
            }
            "type" => {
                let names: Vec<&str> = match rule {
                    Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
                    name => name.as_str().into_iter().collect(),
                };
                if !names.iter().any(|name| is(name, value)) {
                    faults.push(format!("{path}: {value} is no {}", names.join(" or ")));
                }
            }
            "enum" => {
                if !rule.as_array().unwrap().contains(value) {
                    faults.push(format!("{path}: {value} is not listed"));
                }
            }
            "minimum" => {
                if value.as_i64().is_some_and(|value| value < rule.as_i64().unwrap()) {
                    faults.push(format!("{path}: {value} is less than {rule}"));
                }
            }
            "pattern" => {
                assert_eq!(rule, "^[0-9a-f]{16}$", "the only pattern that is looked at");
                let text = value.as_str().unwrap_or_default();
                if text.len() != 16 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
                    faults.push(format!("{path}: {value} is no fingerprint"));
                }
            }
            "required" => {
                let missing = rule.as_array().unwrap().iter().filter_map(Value::as_str);
                let missing = missing.filter(|name| value.is_object() && value.get(name).is_none());
                faults.extend(missing.map(|name| format!("{path}: `{name}` is missing")));
            }
            "properties" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    match rule.get(name) {
                        Some(schema) => check(root, schema, value, &format!("{path}.{name}"), faults),
                        None => faults.push(format!("{path}: `{name}` is not in the schema")),
                    }
                }
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, rule, item, &format!("{path}[{index}]"), faults);
                }
            }
            // What is not named is a fault anyway; a schema here says what all members are.
            "additionalProperties" if rule.is_object() => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    check(root, rule, value, &format!("{path}.{name}"), faults);
                }
            }
            "additionalProperties" => assert_eq!(rule, false),
            other => faults.push(format!("the schema has a keyword that is not looked at: {other}")),
        }
    }
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

#[test]
fn a_fault_is_seen() {
    let model = serde_json::json!({ "schema_version": 2, "dags": [{}], "more": null });
    let faults = faults(Shape::Model, &model);
    for fault in [
        "$.schema_version: 2 is not listed",
        "$: `errors` is missing",
        "$: `more` is not in the schema",
        "$.dags[0]: `dag_id` is missing",
    ] {
        assert!(faults.iter().any(|said| said == fault), "{fault}: {faults:?}");
    }
}
