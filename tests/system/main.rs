//! Whole-system tests: the real programs on a machine of their own.

mod crash;
mod end_to_end;
mod tidy;
