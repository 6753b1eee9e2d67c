//! The demo page, which is part of the binary.

use super::response::Response;

/// What the page may do: load from this server only, and connect to it. No inline script or style,
/// so peer text that reached the page as markup could do nothing.
const EXTRA: &str = "Cache-Control: no-cache\r\n\
    Content-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; object-src 'none'\r\n\
    Permissions-Policy: camera=(self), microphone=(self)\r\n\
    Referrer-Policy: no-referrer\r\n";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Every file of the page: its path, its type, its content.
const FILES: &[(&str, &str, &[u8])] = &[
    ("/", HTML, include_bytes!("page/index.html")),
    ("/assets/style.css", CSS, include_bytes!("page/assets/style.css")),
    ("/assets/main.js", SCRIPT, include_bytes!("page/assets/main.js")),
    ("/assets/call.js", SCRIPT, include_bytes!("page/assets/call.js")),
    ("/assets/explain.js", SCRIPT, include_bytes!("page/assets/explain.js")),
    ("/assets/log.js", SCRIPT, include_bytes!("page/assets/log.js")),
    ("/assets/media.js", SCRIPT, include_bytes!("page/assets/media.js")),
    ("/assets/names.js", SCRIPT, include_bytes!("page/assets/names.js")),
    ("/assets/signaling.js", SCRIPT, include_bytes!("page/assets/signaling.js")),
    ("/assets/ui.js", SCRIPT, include_bytes!("page/assets/ui.js")),
    ("/assets/favicon.svg", SVG, include_bytes!("page/assets/favicon.svg")),
    ("/illustrated", HTML, include_bytes!("page/illustrated.html")),
    ("/assets/illustrated.css", CSS, include_bytes!("page/assets/illustrated.css")),
    ("/transports", HTML, include_bytes!("page/transports.html")),
    ("/assets/transports.css", CSS, include_bytes!("page/assets/transports.css")),
    ("/assets/transports.js", SCRIPT, include_bytes!("page/assets/transports.js")),
    ("/favicon.ico", SVG, include_bytes!("page/assets/favicon.svg")),
];

/// What the page of the inspector has beyond those.
const INSPECTOR: &[(&str, &str, &[u8])] = &[
    ("/inspect", HTML, include_bytes!("page/inspect.html")),
    ("/assets/inspect.css", CSS, include_bytes!("page/assets/inspect.css")),
    ("/assets/inspect.js", SCRIPT, include_bytes!("page/assets/inspect.js")),
    ("/assets/dissection.css", CSS, include_bytes!("page/assets/dissection.css")),
    ("/assets/dissection.js", SCRIPT, include_bytes!("page/assets/dissection.js")),
    ("/assets/steps.js", SCRIPT, include_bytes!("page/assets/steps.js")),
    ("/assets/dom.js", SCRIPT, include_bytes!("page/assets/dom.js")),
    ("/assets/feed.js", SCRIPT, include_bytes!("page/assets/feed.js")),
    ("/assets/listbox.js", SCRIPT, include_bytes!("page/assets/listbox.js")),
    ("/assets/message.js", SCRIPT, include_bytes!("page/assets/message.js")),
    ("/assets/states.js", SCRIPT, include_bytes!("page/assets/states.js")),
    ("/assets/lab.css", CSS, include_bytes!("page/assets/lab.css")),
    ("/assets/lab.js", SCRIPT, include_bytes!("page/assets/lab.js")),
    ("/assets/lab-editor.js", SCRIPT, include_bytes!("page/assets/lab-editor.js")),
    ("/assets/lab-frame.js", SCRIPT, include_bytes!("page/assets/lab-frame.js")),
    ("/assets/lab-outcome.js", SCRIPT, include_bytes!("page/assets/lab-outcome.js")),
];

/// The page's file at this path.
pub(super) fn find(path: &str) -> Option<Response> {
    find_in(FILES, path)
}

/// What it shares with them.
const SHARED: [&str; 2] = ["/assets/style.css", "/assets/favicon.svg"];

/// The file of the inspector's page at this path, those that it shares with the other pages
/// included.
pub(super) fn find_inspector(path: &str) -> Option<Response> {
    let shared = || find_in(FILES, path).filter(|_| SHARED.contains(&path));
    find_in(INSPECTOR, path).or_else(shared)
}

fn find_in(files: &[(&str, &str, &[u8])], path: &str) -> Option<Response> {
    let (_, content_type, content) = files.iter().find(|(at, _, _)| *at == path)?;
    Some(Response::new(200, content_type, EXTRA, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_that_a_file_of_the_page_names_is_served() {
        for (at, _, content) in FILES.iter().chain(INSPECTOR) {
            let text = String::from_utf8_lossy(content);
            let quoted = text.split(['"', '\'']);
            for name in quoted.filter(|text| text.ends_with(".js") || text.ends_with(".css")) {
                let name = name.trim_start_matches("./").trim_start_matches("assets/");
                let path = format!("/assets/{name}");
                let found = find(&path).or_else(|| find_inspector(&path));
                assert!(found.is_some(), "{at} names {path}");
            }
        }
    }
}
