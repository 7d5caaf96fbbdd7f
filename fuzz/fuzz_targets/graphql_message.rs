#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| server::ingress::fuzz::graphql_message(data));
