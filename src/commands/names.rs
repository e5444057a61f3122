//! The names of channels, for scripts that complete words in a shell.

use std::path::Path;

use crate::clients::store_place;
use crate::clock::now;
use crate::config::Config;

/// The names, one a line; none where the store cannot be read: nobody asked for a message. A name that a shell could take for
/// more than a word is left out.
pub(super) async fn of_channels(config: &Path) -> String {
    let Ok(config) = Config::load(config, &Config::environment()) else {
        return String::new();
    };
    let Ok(store) = store_place(&config).to_read(now()).await else {
        return String::new();
    };
    let Ok(memory) = store.load().await else {
        return String::new();
    };
    let plain = |name: &&str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        name.chars().all(fits) && !name.starts_with('-')
    };
    let names = memory.channels.keys().map(|name| name.as_str());
    names.filter(plain).map(|name| format!("{name}\n")).collect()
}
