//! Whole-system tests: the real programs on a machine of their own.

mod end_to_end;
mod tidy;
