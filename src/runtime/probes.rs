//! What the gateway's own health probes would find, asked once and told to whoever checks a
//! configuration.

use super::upstream::{Pool, probe_once};
use crate::config::Config;

/// A line for each address of each endpoint of each registry.
///
/// # Errors
/// The same lines where some registry has an endpoint without a healthy address; or why nothing could
/// be asked.
pub fn probes(config: &Config) -> Result<Vec<String>, Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| vec![error.to_string()])?;
    let mut lines = Vec::new();
    let mut is_well = true;
    for registry in &config.registries {
        let probed = runtime.block_on(probe_once(&Pool::new(registry)));
        is_well &= probed.is_ok();
        let told = probed.unwrap_or_else(|lines| lines);
        lines.extend(told.iter().map(|line| format!("{}: {line}", registry.name)));
    }
    if is_well { Ok(lines) } else { Err(lines) }
}
