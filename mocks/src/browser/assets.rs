//! The files of the page, which are in the program.

/// A file and its kind.
#[derive(Debug)]
pub(super) struct Asset {
    name: &'static str,
    pub(super) kind: &'static str,
    pub(super) text: &'static str,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The page itself.
pub(super) const INDEX: Asset = Asset {
    name: "index.html",
    kind: "text/html; charset=utf-8",
    text: include_str!("assets/index.html"),
};

const fn script(name: &'static str, text: &'static str) -> Asset {
    Asset {
        name,
        kind: SCRIPT,
        text,
    }
}

const FILES: [Asset; 9] = [
    Asset {
        name: "style.css",
        kind: "text/css; charset=utf-8",
        text: include_str!("assets/style.css"),
    },
    script("main.js", include_str!("assets/main.js")),
    script("dom.js", include_str!("assets/dom.js")),
    script("grid.js", include_str!("assets/grid.js")),
    script("cells.js", include_str!("assets/cells.js")),
    script("hands.js", include_str!("assets/hands.js")),
    script("fleet.js", include_str!("assets/fleet.js")),
    script("plots.js", include_str!("assets/plots.js")),
    script("side.js", include_str!("assets/side.js")),
];

/// The file of this name.
pub(super) fn find(name: &str) -> Option<&'static Asset> {
    FILES.iter().find(|file| file.name == name)
}
