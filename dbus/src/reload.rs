//! The policies read again while the service runs: the same whether a signal or a client asks for it.

use crate::error::Error;
use crate::messages::POLICY;
use crate::service::Service;
use heapq_policies::{Diagnostic, Severity, render};

/// Reads the policies and the machine again, and tells clients of it. What there is to say of the
/// files is logged, becomes the service's problems, and is returned. Where a file has an error,
/// everything stays as it was, and the last problem says so.
///
/// # Errors
/// The machine cannot be read: everything stays as it was.
pub async fn reload(service: &Service) -> Result<Vec<String>, Error> {
    let broker = service.broker().clone();
    let reloaded = tokio::task::spawn_blocking(move || broker.reload()).await;
    let reloaded = reloaded
        .map_err(|error| error.to_string())
        .and_then(|reloaded| reloaded.map_err(|error| error.to_string()))
        .map_err(|error| Error::Failed(format!("nothing was reloaded: {error}")))
        .inspect_err(|error| tracing::error!("{}", error.text()))?;
    let mut problems = report(&reloaded.diagnostics);
    if !reloaded.applies {
        let refused =
            "nothing was reloaded: the policies from before stay until all errors are gone";
        tracing::error!(message_id = POLICY, "{refused}");
        problems.push(refused.to_owned());
    }
    service.set_problems(problems.clone());
    service.publish();
    Ok(problems)
}

/// Logs what there is to say of policy files, and returns it for clients to see.
#[must_use]
pub fn report(diagnostics: &[Diagnostic]) -> Vec<String> {
    let told = diagnostics.iter().map(|diagnostic| {
        let complaint = render(diagnostic, false);
        match diagnostic.severity() {
            Severity::Error => tracing::error!(message_id = POLICY, "policy:\n{complaint}"),
            Severity::Warning | Severity::Note => {
                tracing::warn!(message_id = POLICY, "policy:\n{complaint}");
            }
        }
        complaint
    });
    told.collect()
}
