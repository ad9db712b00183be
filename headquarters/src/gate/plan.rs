//! Cuts the jobs of one run into batches.
//!
//! Invariant: every job is in exactly one batch, in order. Workers take the next batch when they
//! are free, so several batches a worker balance what sizes cannot foresee; rejected: one fixed
//! share for each worker, where one slow document leaves the others idle.

/// A job costs about as much as so many bytes, however small it is.
const JOB_OVERHEAD: usize = 1 << 10;
/// Batches for each worker, if there is enough to do.
const BATCHES_PER_WORKER: usize = 4;
/// Below this a round trip costs more than it balances.
const MIN_BATCH: usize = 48 << 10;
/// Above this a crash throws away too much work, and an answer might not fit into a frame.
const MAX_BATCH: usize = 4 << 20;

/// Cuts jobs of these sizes into batches of their positions.
pub(super) fn batches(sizes: &[usize], workers: usize) -> Vec<Vec<usize>> {
    let cost = |size: usize| size.saturating_add(JOB_OVERHEAD);
    let total = sizes.iter().fold(0_usize, |sum, size| sum.saturating_add(cost(*size)));
    let parts = workers.saturating_mul(BATCHES_PER_WORKER).max(1);
    let most = total.div_ceil(parts).clamp(MIN_BATCH, MAX_BATCH);
    let mut batches = Vec::new();
    let mut batch = Vec::new();
    let mut weight = 0_usize;
    for (at, size) in sizes.iter().enumerate() {
        let next = weight.saturating_add(cost(*size));
        if !batch.is_empty() && next > most {
            batches.push(std::mem::take(&mut batch));
            weight = 0;
        }
        batch.push(at);
        weight = weight.saturating_add(cost(*size));
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn work_is_cut_by_bytes() {
        assert!(batches(&[], 4).is_empty());
        assert_eq!(batches(&[10, 10], 4), [[0, 1]]);
        let many = batches(&[3 << 10; 1_000], 2);
        assert_eq!(many.len(), 8);
        assert_eq!(batches(&[100, 100 << 20, 100], 2), [vec![0], vec![1], vec![2]]);
    }

    proptest! {
        #[test]
        fn each_job_is_in_one_batch(sizes in prop::collection::vec(0..6_000_000_usize, 0..60), workers in 0..9_usize) {
            let batches = batches(&sizes, workers);
            prop_assert!(batches.iter().all(|b| !b.is_empty()));
            prop_assert_eq!(batches.concat(), (0..sizes.len()).collect::<Vec<_>>());
            for batch in batches.iter().filter(|b| b.len() > 1) {
                prop_assert!(batch.iter().map(|at| sizes[*at]).sum::<usize>() <= MAX_BATCH);
            }
        }
    }
}
