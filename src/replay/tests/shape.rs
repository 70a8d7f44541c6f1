//! Ids that mean other work, mappings that change their shape, and the order of tasks: as the diff finds
//! them, and as they were measured.

use super::*;

#[test]
fn ids_that_mean_other_work() {
    // shared_loop_index_ids_insert
    let loop_of = |list: &str| {
        let body = r#"for i, name in enumerate(LIST): t(f"step_{i}", does=name)"#;
        format!("{} ; {}", r#"t("gate")"#, body.replace("LIST", list))
    };
    let three = loop_of(r#"["a", "b", "c"]"#);
    Case::of(&three, &loop_of(r#"["z", "a", "b", "c"]"#))
        .ends("gate running, step_0 success, step_1 running, step_2 none", [&[Repeated]; 3])
        .ends("gate running, step_0 none, step_1 none, step_2 none", [&[]; 3]);
    // id_swap_finished_pending, ids_swapped_both_pending
    Case::of(r#"t("one", does="a") ; t("two", does="b")"#, r#"t("one", does="b") ; t("two", does="a")"#)
        .ends("one success, two none", [&[Repeated, SkippedWork]; 3])
        .ends("one none, two none", [&[]; 3])
        .ends("one success, two success", [&[]; 3]);
    // auto_id_call_removed_finished has its like here: the first element goes, and its id takes the next
    Case::of(&three, &loop_of(r#"["b", "c"]"#))
        .ends("gate running, step_0 success, step_1 none, step_2 none", [&[Lost, SkippedWork, EarlySuccess]; 3]);
}

#[test]
fn tasks_that_come_back_or_are_added() {
    // restored_id_readded
    Case::of(r#"t("gate")"#, r#"t("gate") >> t("load")"#)
        .with(vec![Kind::Identity(Identity::TaskRestored { task_id: "load".into() })])
        .ends("gate running, load removed", [&[Repeated]; 3]);
    // append_task
    Case::of(r#"t("gate")"#, r#"t("gate") >> t("load")"#)
        .ends("gate running", [&[]; 3])
        .harms("gate running", [Soft; 3]);
}

#[test]
fn plain_tasks_that_are_mapped_and_mapped_ones_that_are_plain() {
    let plain = r#"t("gate") >> t("work") >> t("final")"#;
    let mapped = r#"t("gate") >> m("work", ["a", "b"]) >> t("final")"#;
    // unmapped_to_map_pending, unmapped_to_map_running
    Case::of(plain, mapped)
        .harms("gate running, work none, final none", [Breaks; 3])
        .harms("gate success, work running, final none", [Breaks; 3]);
    // map_to_unmapped_pending, map_mid_to_unmapped
    Case::of(mapped, plain)
        .harms("gate running, work[0] none, work[1] none, final none", [Breaks; 3])
        .harms("gate success, work[0] success, work[1] scheduled, final none", [Breaks; 3])
        .harms("gate success, work[0] success, work[1] success, final none", [Nothing; 3]);
}

const OUTPUTS: &str = r#"one = t("one") ; two = t("two")"#;

#[test]
fn a_list_that_comes_from_elsewhere() {
    let over = |what: &str| format!(r#"{OUTPUTS} ; [one, two] >> m("work", {what})"#);
    let (list, one, two) = (over(r#"["a", "b"]"#), over("one.output"), over("two.output"));
    // map_lit_to_xcom_pending: `one` had ended before anything was mapped over it
    Case::of(&list, &one).harms("one success, two running, work[0] none, work[1] none", [Breaks; 3]);
    // map_xcom_to_lit_pending
    Case::of(&one, &list).harms("one success, two running, work none", [Breaks; 3]);
    // map_xcom_other_producer_pending, map_xcom_new_producer_pending, map_xcom_other_known_pending
    Case::of(&one, &two)
        .harms("one success, two success, work none", [Breaks; 3])
        .harms("one success, two none, work none", [Soft; 3]);
    let both = |what: &str| format!(r#"{} ; m("side", two.output)"#, over(what));
    Case::of(&both("one.output"), &both("two.output"))
        .harms("one success, two success, work none, side[0] success", [Soft; 3]);
}

#[test]
fn a_text_of_an_output_orders_nothing_and_pulls_all_the_same() {
    let of = |does: &str| format!(r#"a = t("a") ; b = BashOperator(task_id="b", bash_command={does})"#);
    for text in ["str(a.output)", r#"f"{a.output}""#, r#""{{ ti.xcom_pull(task_ids='a') }}""#] {
        Case::of(&of("a.output"), &of(text)).harms("a none, b none", [Breaks; 3]).harms("a success, b none", [Soft; 3]);
        let ordered = format!("{} ; a >> b", of(text));
        Case::of(&of("a.output"), &ordered).harms("a none, b none", [Nothing; 3]);
    }
}

#[test]
fn order_and_rules() {
    let of = |order: &str| format!(r#"a = t("a") ; b = t("b") ; c = t("c") ; {order}"#);
    // edge_removed_starts_early
    Case::of(&of("a >> b >> c"), &of("a >> [b, c]")).harms("a success, b running, c none", [Soft; 3]);
    // edge_added_to_started
    Case::of(&of("a >> [b, c]"), &of("a >> b >> c")).harms("a success, b none, c running", [Soft; 3]);
    let pulls = |order: &str| {
        let c = r#"c = t("c", does="{{ ti.xcom_pull(task_ids='b') }}")"#;
        format!(r#"a = t("a") ; b = t("b") ; {c} ; {order}"#)
    };
    // edge_removed_early_pull
    Case::of(&pulls("a >> b >> c"), &pulls("a >> [b, c]"))
        .harms("a success, b running, c none", [Breaks; 3])
        .harms("a success, b success, c none", [Nothing; 3])
        .harms("a running, b none, c none", [Breaks; 3]);
    // trigger_rule_all_failed, trigger_rule_all_done
    let rule = |rule: &str| format!(r#"t("a") >> t("b"{rule})"#);
    Case::of(&rule(""), &rule(r#", trigger_rule="all_failed""#)).harms("a running, b none", [Breaks; 3]);
    Case::of(&rule(""), &rule(r#", trigger_rule="all_done""#)).harms("a running, b none", [Nothing; 3]);
}
