//! Quantities as Kubernetes and Docker write them, `128Mi`, `64m`, `100m`, and as a manifest has them.

/// The least that a manifest takes, see function.schema.json.
const MIN_MIB: u64 = 16;
const MIN_MILLICORES: u64 = 10;

const MIB: f64 = 1_048_576.0;

/// The MiB of a limit of memory, rounded up, and at least as many as a process gets. A lower-case `k`, `m` or `g` is Docker's.
pub(super) fn mebibytes(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let bytes = match unit {
        "" | "b" => 1.0,
        "K" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "k" | "Ki" | "kb" => 1024.0,
        "m" | "Mi" | "mb" => MIB,
        "g" | "Gi" | "gb" => MIB * 1024.0,
        "t" | "Ti" => MIB * MIB,
        _ => return None,
    };
    // What is too much is refused by the manifest's schema; a float becomes the greatest number.
    Some(((number * bytes / MIB).ceil() as u64).max(MIN_MIB))
}

/// The thousandths of a processor of a limit, at least as many as a process gets.
pub(super) fn millicores(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let cores = match unit {
        "" => number * 1000.0,
        "m" => number,
        _ => return None,
    };
    Some((cores.ceil() as u64).max(MIN_MILLICORES))
}

/// A limit of memory as Kubernetes writes it.
pub(super) fn of_mebibytes(mebibytes: u64) -> String {
    format!("{mebibytes}Mi")
}

/// A limit of processors as Kubernetes writes it.
pub(super) fn of_cores(cores: f64) -> String {
    match (cores * 1000.0).round() as u64 {
        whole if whole % 1000 == 0 => format!("{}", whole / 1000),
        millicores => format!("{millicores}m"),
    }
}

/// A number, more than zero and with a decimal point at most, and its unit.
fn split(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: f64 = number.parse().ok()?;
    (number > 0.0 && number.is_finite()).then_some((number, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_counted_in_whole_mebibytes_and_there_is_a_least() {
        for (text, expected) in [
            ("128Mi", Some(128)),
            ("64m", Some(64)),
            ("128M", Some(123)),
            ("1Gi", Some(1024)),
            ("1g", Some(1024)),
            ("1.5Gi", Some(1536)),
            ("268435456", Some(256)),
            ("65536Ki", Some(64)),
            ("5Mi", Some(16)),
            ("1", Some(16)),
            (" 128Mi ", Some(128)),
            ("", None),
            ("0", None),
            ("0Mi", None),
            ("-5Mi", None),
            ("Mi", None),
            (".", None),
            ("1.2.3Mi", None),
            ("1e3", None),
            ("128 Mi", None),
            ("128MiB", None),
            ("infMi", None),
            ("٣Mi", None),
        ] {
            assert_eq!(mebibytes(text), expected, "{text}");
        }
        assert!(mebibytes(&"9".repeat(300)).is_some_and(|much| much > 1 << 40));
        assert_eq!(mebibytes(&"9".repeat(400)), None, "no number");
    }

    #[test]
    fn processors_are_counted_in_thousandths() {
        for (text, expected) in [
            ("100m", Some(100)),
            ("0.5", Some(500)),
            ("1", Some(1000)),
            ("2", Some(2000)),
            ("1m", Some(10)),
            ("0.0001", Some(10)),
            ("", None),
            ("0", None),
            ("0m", None),
            ("1k", None),
            ("-1", None),
        ] {
            assert_eq!(millicores(text), expected, "{text}");
        }
    }

    #[test]
    fn what_a_manifest_has_is_written_as_kubernetes_does() {
        assert_eq!(of_mebibytes(128), "128Mi");
        for (cores, text) in [(0.1, "100m"), (0.5, "500m"), (1.0, "1"), (2.0, "2"), (1.5, "1500m"), (0.01, "10m")] {
            assert_eq!(of_cores(cores), text);
        }
    }
}
