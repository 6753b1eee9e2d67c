//! A user's own static files, `--www`.

use std::fs::File;
use std::io::ErrorKind::{NotFound, PermissionDenied};
use std::path::{Component, Path, PathBuf};

use log::warn;
use percent_encoding::percent_decode_str;

use super::response::Response;

/// The file at a request's path below `root`; `None` if there is none to be shown.
///
/// Nothing outside of `root` can be reached: the decoded path may have no component but plain
/// names, and what it leads to, symbolic links followed, must lie below `root`. Names with a
/// leading dot are not shown.
pub(super) fn open(root: &Path, path: &str) -> Option<Response> {
    let relative = relative_path(path)?;
    let root = root.canonicalize().ok()?;
    let mut found = root.join(&relative).canonicalize().ok()?;
    if !found.starts_with(&root) {
        return None;
    }
    if found.is_dir() {
        if !path.ends_with('/') {
            // Else the page's relative links would lead elsewhere. The path is plain names.
            let location = format!("Location: {path}/\r\n");
            return Some(Response::text(301, &location, "This is a folder.\n"));
        }
        found = found.join("index.html").canonicalize().ok()?;
        if !found.starts_with(&root) {
            return None;
        }
    }
    // Looked at before it is opened: opening a named pipe would block the loop.
    if !found.metadata().ok()?.is_file() {
        return None;
    }
    let opened = File::open(&found).and_then(|file| Ok((file.metadata()?.len(), file)));
    match opened {
        Ok((length, file)) => Some(Response::file(content_type(&found), file, length)),
        Err(error) if matches!(error.kind(), NotFound | PermissionDenied) => None,
        Err(error) => {
            // Out of descriptors, most likely. It is there, so 404 would be a lie.
            warn!("cannot open a file: {error}");
            let body = "The file cannot be opened now.\n";
            Some(Response::text(503, "Retry-After: 10\r\n", body))
        }
    }
}

/// The path below the root, made of plain names only.
fn relative_path(path: &str) -> Option<PathBuf> {
    let decoded = percent_decode_str(path.strip_prefix('/')?).decode_utf8().ok()?;
    if decoded.contains(['\0', '\\']) || decoded.chars().any(char::is_control) {
        return None;
    }
    let relative = PathBuf::from(decoded.as_ref());
    let plain = relative.components().all(|component| match component {
        Component::Normal(name) => !name.as_encoded_bytes().starts_with(b"."),
        _ => false,
    });
    plain.then_some(relative)
}

fn content_type(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    // What a page is made of needs a charset, which the table of types does not know.
    match extension.to_ascii_lowercase().as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => mime_guess::from_path(path).first_raw().unwrap_or("application/octet-stream"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_lead_below_the_root() {
        for path in ["/a", "/a/b.html", "/%61/b%20c", "/", "/a/", "/a//b"] {
            assert!(relative_path(path).is_some(), "{path}");
        }
        let wrong = [
            "",
            "a",
            "/..",
            "/../a",
            "/a/../../b",
            "/%2e%2e/a",
            "/..%2fa",
            "/a/%2e%2e",
            "//etc",
            "/.git",
            "/a/.env",
            "/a%00",
            "/a\\..\\b",
            "/%5c..",
            "/a%0ab",
            "/%ff",
            "/./a/..",
        ];
        for path in wrong {
            // `//etc` would be the absolute path /etc.
            assert_eq!(relative_path(path), None, "{path}");
        }
    }

    #[test]
    fn pages_say_their_charset() {
        assert_eq!(content_type(Path::new("a.HTML")), "text/html; charset=utf-8");
        assert_eq!(content_type(Path::new("a.js")), "text/javascript; charset=utf-8");
        assert_eq!(content_type(Path::new("a.png")), "image/png");
        assert_eq!(content_type(Path::new("a")), "application/octet-stream");
    }
}
