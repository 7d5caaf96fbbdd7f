//! The web pages built by `frontend/` into `frontend/dist/`, embedded in the binary. Knows files and their HTTP
//! metadata; knows no routes.
//!
//! A build without Node has no `frontend/dist/`. That is not an error: [`get`] finds nothing then, and [`missing`] is
//! the page that says so. A debug build reads the folder at run time, a release build embeds it.

use bytes::Bytes;
use rust_embed::RustEmbed;

/// The `Cache-Control` of a file whose name changes with its content: valid for a year without revalidation.
pub const CACHE_IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// The `Cache-Control` of every other file: cached, but revalidated each time (`ETag`).
pub const CACHE_REVALIDATE: &str = "no-cache";

/// The folder in which the bundler puts files with a hash in their names.
const HASHED: &str = "assets/";

/// Characters of the content's SHA-256, in hexadecimal, that make an `ETag`.
const ETAG_LENGTH: usize = 32;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../frontend/dist"]
#[allow_missing = true]
struct Dist;

/// The guide, as built by `make docs`.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../docs/dist"]
#[allow_missing = true]
struct Guide;

/// One file to answer with.
#[derive(Debug, Clone)]
pub struct Asset {
    /// The content; not copied if it is in the binary.
    pub bytes: Bytes,
    /// The value of `Content-Type`, with a charset for text.
    pub content_type: String,
    /// The value of `ETag`, quotes included; derived from the content.
    pub etag: String,
    /// Whether the name changes with the content, so that it may be cached for ever.
    pub immutable: bool,
    /// How the content is compressed.
    pub coding: Option<Coding>,
}

/// The compression of a file (RFC 9110, section 8.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Brotli, RFC 7932.
    Brotli,
    /// gzip, RFC 1952.
    Gzip,
}

impl Coding {
    /// The value of `Content-Encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// The extension of such a file's name.
    fn ending(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }
}

impl Asset {
    /// Its value of `Cache-Control`.
    pub fn cache_control(&self) -> &'static str {
        if self.immutable { CACHE_IMMUTABLE } else { CACHE_REVALIDATE }
    }

    /// Whether an `If-None-Match` header names this content, so that the answer is 304.
    pub fn matches(&self, if_none_match: &str) -> bool {
        if_none_match
            .split(',')
            .map(str::trim)
            .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.etag)
    }
}

/// Finds a file by its path below the root, with or without the leading slash; the root itself is `index.html`. Returns
/// it in the first of these codings that exists, else uncompressed. `None` for anything that the bundler did not write,
/// including `..`.
pub fn get(path: &str, codings: &[Coding]) -> Option<Asset> {
    find::<Dist>(path, codings)
}

/// Finds a page or a file of the guide by its path below the guide's root.
pub fn guide(path: &str) -> Option<Asset> {
    // The names of its files do not change with their content.
    find::<Guide>(path, &[]).map(|asset| Asset { immutable: false, ..asset })
}

fn find<E: RustEmbed>(path: &str, codings: &[Coding]) -> Option<Asset> {
    let path = match path.trim_start_matches('/') {
        "" => "index.html",
        path => path,
    };
    if path.split(['/', '\\']).any(|part| part.is_empty() || part.starts_with('.')) {
        return None;
    }
    let compressed = |coding: &Coding| Some((Some(*coding), E::get(&format!("{path}{}", coding.ending()))?));
    let (coding, file) = codings.iter().find_map(compressed).or_else(|| Some((None, E::get(path)?)))?;
    let digest = hex::encode(file.metadata.sha256_hash());
    Some(Asset {
        bytes: Bytes::from_owner(file.data),
        content_type: content_type(path),
        etag: format!("\"{}\"", &digest[..ETAG_LENGTH]),
        immutable: path.starts_with(HASHED),
        coding,
    })
}

/// The page for the answer 503 when a page is requested and the binary has none.
pub fn missing() -> Asset {
    Asset {
        bytes: Bytes::from_static(include_bytes!("missing.html")),
        content_type: content_type("missing.html"),
        etag: "\"missing\"".to_owned(),
        immutable: false,
        coding: None,
    }
}

/// The page for the answer 503 when a page of the guide is requested and the binary has none.
pub fn missing_guide() -> Asset {
    Asset {
        bytes: Bytes::from_static(include_bytes!("missing-guide.html")),
        content_type: content_type("missing-guide.html"),
        etag: "\"missing-guide\"".to_owned(),
        immutable: false,
        coding: None,
    }
}

fn content_type(path: &str) -> String {
    let guess = mime_guess::from_path(path).first_or_octet_stream();
    match (guess.type_().as_str(), guess.subtype().as_str()) {
        ("text", _) | (_, "javascript" | "json") => format!("{guess}; charset=utf-8"),
        _ => guess.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pages are tested where they were built; a machine without Node has none.
    fn built() -> bool {
        get("index.html", &[]).is_some()
    }

    #[test]
    fn the_root_is_the_index_page() {
        assert_eq!(get("/", &[]).map(|asset| asset.etag), get("index.html", &[]).map(|asset| asset.etag));
    }

    #[test]
    fn a_file_comes_in_the_first_coding_that_it_is_there_in() {
        let Some(plain) = get("index.html", &[]) else { return };
        assert_eq!(plain.coding, None);
        let script = String::from_utf8(plain.bytes.to_vec()).unwrap();
        let script = script.split('"').find(|part| part.starts_with("/assets/") && part.ends_with(".js")).unwrap();
        let whole = get(script, &[]).unwrap();
        for codings in [[Coding::Brotli, Coding::Gzip], [Coding::Gzip, Coding::Brotli]] {
            let asset = get(script, &codings).unwrap();
            assert_eq!(asset.coding, Some(codings[0]));
            assert!(asset.bytes.len() < whole.bytes.len() / 2, "{script}");
            assert_eq!(asset.content_type, whole.content_type);
            assert_ne!(asset.etag, whole.etag);
        }
    }

    #[test]
    fn nothing_outside_the_folder_is_found() {
        for path in ["../package.json", "assets/../../package.json", "/..", "..\\package.json", ".vite", "//etc/passwd"]
        {
            assert!(get(path, &[]).is_none(), "{path} was found");
        }
        assert!(get("no/such/file.js", &[]).is_none());
    }

    #[test]
    fn a_page_is_revalidated_and_names_only_files_that_are_there_and_immutable() {
        if !built() {
            return;
        }
        for name in ["index.html", "graphiql.html"] {
            let page = get(name, &[]).expect("both pages are built together");
            assert_eq!(page.content_type, "text/html; charset=utf-8");
            assert_eq!(page.cache_control(), CACHE_REVALIDATE);
            let text = String::from_utf8(page.bytes.to_vec()).expect("a page is UTF-8");
            let named: Vec<&str> = text.split('"').filter(|part| part.starts_with("/assets/")).collect();
            assert!(!named.is_empty(), "{name} loads nothing");
            for path in named {
                let asset = get(path, &[]).unwrap_or_else(|| panic!("{name} names {path}, which is missing"));
                assert_eq!(asset.cache_control(), CACHE_IMMUTABLE);
            }
        }
    }

    #[test]
    fn a_page_holds_to_the_content_security_policy() {
        if !built() {
            return;
        }
        for name in ["index.html", "graphiql.html"] {
            let page = get(name, &[]).expect("both pages are built together");
            let text = String::from_utf8(page.bytes.to_vec()).expect("a page is UTF-8");
            for script in text.split("<script").skip(1) {
                let (tag, rest) = script.split_once('>').expect("a tag ends");
                assert!(tag.contains("src=\"/"), "{name} has an inline or foreign script: <script{tag}>");
                assert!(rest.trim_start().starts_with("</script>"), "{name} has code in a script tag");
            }
        }
    }

    #[test]
    fn an_etag_is_recognised_in_a_list_and_when_weak() {
        let asset = Asset { etag: "\"a1\"".to_owned(), ..missing() };
        assert!(asset.matches("\"a1\""));
        assert!(asset.matches("\"b2\", W/\"a1\""));
        assert!(asset.matches("*"));
        assert!(!asset.matches("\"b2\""));
    }

    #[test]
    fn text_has_a_charset_and_pictures_have_none() {
        assert_eq!(content_type("a.js"), "text/javascript; charset=utf-8");
        assert_eq!(content_type("a.css"), "text/css; charset=utf-8");
        assert_eq!(content_type("a.svg"), "image/svg+xml");
        assert_eq!(content_type("a.unknown"), "application/octet-stream");
    }
}
