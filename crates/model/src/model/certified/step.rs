//! Steps of certification: `certify` and `certify_log`, also when memory ends in one.

use stable_storage_api::limits::{HTTP_PIECE_BYTES, PAGE_BYTES};
use stable_storage_api::{CertifyProgress, Error};

use super::{Progress, SiteScope, is_hashed};
use crate::call::Answer;
use crate::model::Model;

/// The most of one step of `certify` and `certify_log`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepLimits {
    /// Objects.
    pub(crate) objects: usize,
    /// Bytes of objects that are hashed.
    pub(crate) bytes: u64,
    /// Entries of the log.
    pub(crate) entries: u64,
}

/// Which commits of a step are refused for lack of memory. The first one ends a loop, and only the last one may follow it.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::model) struct Refused {
    pub(in crate::model) first: Option<usize>,
    pub(in crate::model) last: bool,
}

/// One step of `certify`: what it has hashed, and whether it has changed anything. From then on, a refused commit only ends it.
struct Step {
    limits: StepLimits,
    refused: Refused,
    commits: usize,
    hashed: u64,
    has_changed: bool,
}

impl Step {
    fn room(&self) -> u64 {
        self.limits.bytes.saturating_sub(self.hashed)
    }

    /// Returns whether the next commit is carried out.
    fn commits(&mut self, is_last: bool) -> Result<bool, Error> {
        let number = self.commits;
        self.commits += 1;
        let is_refused = match self.refused.first {
            Some(first) => number == first || number > first && is_last && self.refused.last,
            None => false,
        };
        match is_refused {
            true if self.has_changed => Ok(false),
            true => Err(Error::OutOfMemory { requested: 0, available: 0 }),
            false => Ok(true),
        }
    }

    fn took(&mut self, bytes: u64) {
        self.hashed += bytes;
        self.has_changed = true;
    }
}

impl Model {
    pub(in crate::model) fn certify(&mut self, prefix: &str, refused: Refused) -> Result<Answer, Error> {
        let step = Step { limits: self.step_limits, refused, commits: 0, hashed: 0, has_changed: false };
        let progress = self.certified.prefixes.get(prefix).cloned();
        let certified = match (progress, self.certified.sites.get(prefix).cloned()) {
            (None, None) => Err(Error::NotFound),
            (None | Some(Progress::Complete), Some(SiteScope { site, scanned })) => match scanned {
                _ if !site.certified => Ok(CertifyProgress { done: true, ..CertifyProgress::default() }),
                Some(after) => self.scan_site(prefix, after, step),
                None => self.certify_pending(prefix, step),
            },
            (Some(Progress::Complete), None) => {
                Ok(CertifyProgress { done: true, ..CertifyProgress::default() })
            }
            (Some(Progress::Removing), _) => self.remove_leaves(prefix, step),
            (Some(Progress::After(after)), _) => self.add_leaves(prefix, after, step),
        };
        certified.map(Answer::Certified)
    }

    /// Returns all results that a step can have when memory is short, with the state after each.
    pub(crate) fn certified_with_refusals(&self, prefix: &str) -> Vec<(Self, Answer)> {
        let mut outcomes = Vec::new();
        // Every object is hashed by one commit and certified by another, and the last commit is about all.
        for first in 0..=2 * self.objects.len() {
            for last in [false, true] {
                let mut model = self.clone();
                let answer = model.certify(prefix, Refused { first: Some(first), last });
                outcomes.extend(answer.ok().map(|answer| (model, answer)));
            }
        }
        outcomes
    }

    fn add_leaves(&mut self, prefix: &str, after: String, mut step: Step) -> Result<CertifyProgress, Error> {
        let (keys, last, is_done) = self.ready_keys(prefix, after, &mut step, |model, key, step| {
            Ok(model.objects[key].has_verdict() || model.hash_whole(key, step)?)
        })?;
        let hashed = step.hashed;
        if !step.commits(true)? {
            return Ok(CertifyProgress { items: 0, hashed, done: false });
        }
        let items = keys.len() as u64;
        self.certified.leaves.extend(keys);
        let progress = if is_done { Progress::Complete } else { Progress::After(last) };
        self.certified.prefixes.insert(prefix.into(), progress);
        Ok(CertifyProgress { items, hashed, done: is_done })
    }

    /// Returns the next keys after one, each hashed, with the last of them and whether no other follows.
    fn ready_keys(
        &mut self,
        prefix: &str,
        after: String,
        step: &mut Step,
        hash: impl Fn(&mut Self, &str, &mut Step) -> Result<bool, Error>,
    ) -> Result<(Vec<String>, String, bool), Error> {
        let (mut keys, mut last) = (Vec::new(), after);
        while keys.len() < step.limits.objects {
            let Some(key) = self.next_key(prefix, &last) else { return Ok((keys, last, true)) };
            if !hash(self, &key, step)? {
                break;
            }
            last.clone_from(&key);
            keys.push(key);
        }
        Ok((keys, last, false))
    }

    fn remove_leaves(&mut self, prefix: &str, mut step: Step) -> Result<CertifyProgress, Error> {
        let under: Vec<_> =
            self.certified.leaves.iter().filter(|key| key.starts_with(prefix)).cloned().collect();
        let items = under.len().min(step.limits.objects);
        step.commits(true)?;
        self.certified.leaves.retain(|key| !under[..items].contains(key));
        let done = items < step.limits.objects;
        if done {
            self.certified.prefixes.remove(prefix);
        }
        Ok(CertifyProgress { items: items as u64, hashed: 0, done })
    }

    fn scan_site(&mut self, prefix: &str, after: String, mut step: Step) -> Result<CertifyProgress, Error> {
        let (keys, last, is_done) = self.ready_keys(prefix, after, &mut step, Self::hash)?;
        let hashed = step.hashed;
        if !step.commits(true)? {
            return Ok(CertifyProgress { items: 0, hashed, done: false });
        }
        keys.iter().for_each(|key| self.touch_pages(key));
        let scope = self.certified.sites.get_mut(prefix).expect("it is being certified");
        scope.scanned = (!is_done).then_some(last);
        let done = is_done && self.certified.first_pending(prefix).is_none();
        Ok(CertifyProgress { items: keys.len() as u64, hashed, done })
    }

    fn certify_pending(&mut self, prefix: &str, mut step: Step) -> Result<CertifyProgress, Error> {
        let mut items = 0;
        while items < step.limits.objects {
            let Some(key) = self.certified.first_pending(prefix) else { break };
            if !self.hash(&key, &mut step)? || !step.commits(false)? {
                break;
            }
            self.touch_pages(&key);
            step.took(0);
            items += 1;
        }
        let done = self.certified.first_pending(prefix).is_none();
        Ok(CertifyProgress { items: items as u64, hashed: step.hashed, done })
    }

    /// Hashes an object of a site as far as the step has room. Returns whether nothing more can be hashed.
    fn hash(&mut self, key: &str, step: &mut Step) -> Result<bool, Error> {
        match self.objects.get(key) {
            Some(object) if !is_hashed(object) => match object.info.size > HTTP_PIECE_BYTES {
                true => self.hash_pieces(key, step),
                false => self.hash_whole(key, step),
            },
            _ => Ok(true),
        }
    }

    fn hash_whole(&mut self, key: &str, step: &mut Step) -> Result<bool, Error> {
        let room = step.room() / PAGE_BYTES * PAGE_BYTES;
        if room == 0 || !step.commits(false)? {
            return Ok(false);
        }
        let before = self.objects[key].hashed;
        let progress = self.verify_in_steps(key, room)?;
        step.took(progress.hashed - before);
        Ok(progress.verdict.is_some())
    }

    fn hash_pieces(&mut self, key: &str, step: &mut Step) -> Result<bool, Error> {
        let object = self.objects.get_mut(key).expect("it is being hashed");
        let (size, first) = (object.info.size, object.pieces);
        let all = size.div_ceil(HTTP_PIECE_BYTES);
        let end = all.min(first + step.room() / HTTP_PIECE_BYTES);
        if end == first || !step.commits(false)? {
            return Ok(false);
        }
        object.pieces = end;
        step.took(size.min(end * HTTP_PIECE_BYTES) - first * HTTP_PIECE_BYTES);
        Ok(end == all)
    }

    pub(super) fn next_key(&self, prefix: &str, after: &str) -> Option<String> {
        let is_next = |key: &&String| key.starts_with(prefix) && (after.is_empty() || key.as_str() > after);
        self.objects.keys().find(is_next).cloned()
    }

    pub(in crate::model) fn certify_log(&mut self) -> Answer {
        let (length, first) = (self.log.len() as u64, self.certified.log.unwrap_or(0));
        let end = length.min(first + self.step_limits.entries);
        let new = &self.log[first as usize..end as usize];
        let hashed = new.iter().map(|entry| entry.len() as u64).sum();
        self.certified.log = Some(end);
        Answer::Certified(CertifyProgress { items: end - first, hashed, done: end == length })
    }
}
