//! Event sources reserved for EventFlow. Everything that comes in by an entry point other than publishing has a source
//! that identifies it, and no published event may use the same one.

use percent_encoding::percent_decode_str;

/// The beginnings of reserved source paths; `*` stands for any segment.
const RESERVED: [&[&str]; 6] = [
    // Webhooks.
    &["hooks"],
    // Messages from RabbitMQ that are not CloudEvents.
    &["amqp"],
    // Calls: `eventflow/function/NAME`.
    &["eventflow"],
    // `POST /v1/functions/NAME:invoke`, and repeated runs.
    &["v1", "functions"],
    &["v1", "runs"],
    // Schedules of a function in a namespace.
    &["functions", "*", "*", "schedules"],
];

/// Whether a source is reserved, in any spelling: `/hooks/a/b/c`, `hooks/a`, `/./HOOKS/a`, `/%68ooks/a`.
pub fn is_reserved(source: &str) -> bool {
    let path = source.split(['?', '#']).next().unwrap_or_default();
    let decoded = percent_decode_str(path).decode_utf8_lossy().to_lowercase();
    let mut segments: Vec<&str> = Vec::new();
    for segment in decoded.split(['/', '\\']) {
        match segment {
            "" | "." => {}
            ".." => _ = segments.pop(),
            segment => segments.push(segment),
        }
    }
    let fits = |reserved: &&[&str]| {
        segments.len() >= reserved.len()
            && reserved.iter().zip(&segments).all(|(wanted, found)| *wanted == "*" || wanted == found)
    };
    RESERVED.iter().any(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_door_names_is_reserved_in_every_spelling() {
        for source in [
            "/hooks/default/shop/github",
            "hooks/default/shop/github",
            "//hooks/default",
            "/./hooks/default",
            "/x/../hooks/default",
            "/HOOKS/default",
            "/%68ooks/default",
            "/hooks%2Fdefault",
            "/hooks?x",
            "/hooks#x",
            "eventflow/function/shop",
            "/eventflow/function/shop",
            "/amqp/eventflow.ingress/orders",
            "/v1/functions/shop",
            "/v1/runs/6f4b2f0e-52c5-5d0a-9a3e-0d6a77c1e5f1",
            "/functions/default/shop/schedules/7",
        ] {
            assert!(is_reserved(source), "{source}");
        }
    }

    #[test]
    fn what_others_name_is_theirs() {
        for source in [
            "/shop",
            "shop",
            "/graphql",
            "/test",
            "/hooksmith",
            "/v1",
            "/v1/orders",
            "https://example.com/hooks/a",
            "urn:hooks:a",
            "/my/hooks/a",
            "/functions/default/shop",
            "",
            "/",
            "%",
        ] {
            assert!(!is_reserved(source), "{source}");
        }
    }
}
