#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vibetea_tests::fuzz::signature_header(data));
