//! What must not compile, with the compiler's reason; and its counterpart that must.

#[test]
fn free_text_has_no_way_into_a_payload() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/compile/checked_values_are_safe.rs");
    cases.compile_fail("tests/compile/free_text_is_not_safe.rs");
    cases.compile_fail("tests/compile/fields_take_no_text.rs");
    cases.compile_fail("tests/compile/names_are_made_by_their_checks.rs");
    cases.compile_fail("tests/compile/nobody_else_declares_a_type_safe.rs");
}
