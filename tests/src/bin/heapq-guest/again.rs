//! Buffers that outlive the daemon that gave them, and are counted by its successor.

use crate::ask::{self, Amount};
use crate::problem::Problem;

/// Takes buffers, waits until the daemon has gone, has them adopted by the next one, and keeps them until
/// this process is killed.
pub(crate) async fn survive(heap: &str, amount: Amount) -> Result<String, Problem> {
    let client = ask::service().await?;
    let grant = ask::granted(&client, &ask::from_heap(heap, amount)).await?;
    println!("{} buffers", grant.buffers.len());
    client.gone().await;
    let successor = ask::service().await?;
    match successor.adopt(&grant.buffers).await? {
        Ok(leases) => println!("counted again: {leases:?}"),
        Err(over) => return Err(Problem::Wrong(format!("not counted again: {over:?}"))),
    }
    std::future::pending().await
}
