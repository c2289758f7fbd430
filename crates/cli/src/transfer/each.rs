//! Copies of a plan, of which some are made concurrently.

use std::{
    cell::{Cell, RefCell},
    iter,
    pin::pin,
};

use anyhow::Result;
use futures_util::{StreamExt, stream};
use stable_storage_api::limits::MAX_PAYLOAD_BYTES;
use storage_client::{Progress, transfer::Unobserved};

use super::{
    batch::{Values, groups},
    copy::Copy,
    plan::Plan,
    tally::{Outcome, Tally},
};
use crate::{context::Context, store::StoreClient};

/// Adds the outcome of copies, and returns the first error after which the job cannot continue.
pub(super) type Add<'a, 'p> = dyn Fn(Outcome<'p>) -> Result<()> + 'a;

/// Makes the copies of a plan: small ones concurrently, larger ones one after the other, because each of them makes
/// concurrent calls. `make` makes one copy and returns its bytes.
pub(super) async fn copy(
    context: &Context,
    plan: &Plan,
    tally: &mut Tally<'_>,
    make: impl AsyncFn(&Copy, &dyn Progress) -> Result<u64>,
) -> Result<()> {
    for stage in plan.stages() {
        let make = &make;
        let (small, large) = by_size(stage);
        let small = small.into_iter().map(|copy| async move { (copy, make(copy, &Unobserved).await) });
        concurrently(context.jobs(), small, |(copy, made)| tally.add(copy, made)).await?;
        one_by_one(large, tally, make).await?;
    }
    Ok(())
}

/// Makes the copies of a plan like [`copy`], but reads small objects from a store several with one call. `finish` completes
/// copies whose values have been read. Each outcome is added when it is known, so that none is lost if the work is stopped.
pub(super) async fn copy_in_batches<'p>(
    from: &StoreClient,
    context: &Context,
    plan: &'p Plan,
    tally: &mut Tally<'_>,
    make: impl AsyncFn(&Copy, &dyn Progress) -> Result<u64>,
    finish: impl AsyncFn(Vec<(&'p Copy, Vec<u8>)>, &Add<'_, 'p>) -> Result<()>,
) -> Result<()> {
    for stage in plan.stages() {
        let (make, finish) = (&make, &finish);
        let (small, large) = by_size(stage);
        {
            let shared = RefCell::new(&mut *tally);
            let add: &Add<'_, 'p> = &|outcome| shared.borrow_mut().add_all(outcome);
            let batches = groups(small).into_iter().map(|group| async move {
                // What must be read alone is read as a whole, with its current metadata.
                let Values { intact, others, outcome } = match group.as_slice() {
                    [_] => Values { others: group, ..Values::default() },
                    group => Values::read(from, group).await,
                };
                let finished = if intact.is_empty() { Ok(()) } else { finish(intact, add).await };
                finished.and(add(outcome))?;
                for copy in others {
                    add(Outcome::of(copy, make(copy, &Unobserved).await))?;
                }
                Ok(())
            });
            concurrently(context.jobs(), batches, |done| done).await?;
        }
        one_by_one(large, tally, make).await?;
    }
    Ok(())
}

/// Returns the copies that one call can make, and the others.
fn by_size(copies: &[Copy]) -> (Vec<&Copy>, Vec<&Copy>) {
    copies.iter().partition(|copy| copy.size() <= MAX_PAYLOAD_BYTES)
}

async fn one_by_one(
    copies: Vec<&Copy>,
    tally: &mut Tally<'_>,
    make: impl AsyncFn(&Copy, &dyn Progress) -> Result<u64>,
) -> Result<()> {
    for copy in copies {
        let made = make(copy, &tally.part()).await;
        tally.add(copy, made)?;
    }
    Ok(())
}

/// Runs units of work, at most `jobs` at a time, and passes the results to `add` in the order of completion. After its
/// first error no further unit begins, but those that have begun are completed and passed as well: what they did is to be
/// reported.
pub(crate) async fn concurrently<T>(
    jobs: usize,
    units: impl IntoIterator<Item = impl Future<Output = T>>,
    mut add: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    let has_ended = Cell::new(false);
    let mut units = units.into_iter();
    // A unit is taken when it can begin, so that only those that run are in memory.
    let units = iter::from_fn(|| if has_ended.get() { None } else { units.next() });
    let mut running = pin!(stream::iter(units).buffer_unordered(jobs));
    let mut ended = Ok(());
    while let Some(done) = running.next().await {
        if let Err(error) = add(done) {
            has_ended.set(true);
            ended = ended.and(Err(error));
        }
    }
    ended
}

#[cfg(test)]
mod tests {
    use anyhow::bail;
    use tokio::task::yield_now;

    use super::*;

    /// As many units run at the same time as there are jobs, and none is taken before it can run.
    #[tokio::test]
    async fn as_many_units_run_as_there_are_jobs() {
        for jobs in [1, 3, 20] {
            let (running, most, taken) = (Cell::new(0), Cell::new(0), Cell::new(0));
            let mut finished = 0;
            let units = (0..10).map(|_| {
                taken.set(taken.get() + 1);
                let (running, most) = (&running, &most);
                async move {
                    running.set(running.get() + 1);
                    most.set(running.get().max(most.get()));
                    yield_now().await;
                    running.set(running.get() - 1);
                }
            });
            let add = |()| {
                finished += 1;
                assert!(taken.get() < finished + jobs + 1, "{} units were taken", taken.get());
                Ok(())
            };
            concurrently(jobs, units, add).await.unwrap();
            assert_eq!((finished, most.get()), (10, jobs.min(10)));
        }
    }

    /// After an error no unit begins, those that run are completed, and the first error is returned.
    #[tokio::test]
    async fn units_that_run_are_completed_after_an_error() {
        let begun = RefCell::new(Vec::new());
        let units = (0..10).map(|number| {
            let begun = &begun;
            async move {
                begun.borrow_mut().push(number);
                // The third is the first to fail, and the second fails after it.
                let turns = if number == 1 { 9 } else { number };
                for _ in 0..turns {
                    yield_now().await;
                }
                number
            }
        });
        let mut added = Vec::new();
        let add = |number| {
            added.push(number);
            if [1, 2].contains(&number) { bail!("unit {number}") } else { Ok(()) }
        };
        let error = concurrently(3, units, add).await.unwrap_err();
        assert_eq!(error.to_string(), "unit 2");
        assert_eq!((begun.into_inner(), added), (vec![0, 1, 2, 3], vec![0, 2, 3, 1]));
    }
}
