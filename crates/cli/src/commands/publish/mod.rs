//! The command `publish`, which makes a folder a web site. It stores files as `sync` does.

mod assets;
mod compress;
mod site;
mod watch;

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use stable_storage_api::CertifyProgress;

use self::watch::Changes;
use crate::{
    args::{FilterArgs, PublishArgs},
    context::Context,
    failure::{self, Interrupted},
    failures::{Failures, SomeFailed},
    settings::StoreLocation,
    store::StoreClient,
    text,
    transfer::{self, Copy, Existing, Job, Options, Plan, View, until_interrupted},
    transport::AnyTransport,
    tree::{Filter, Reading, Root, Tree, prefix_of},
};

/// Interval between two looks at a folder that is watched.
const POLL: Duration = Duration::from_millis(500);

/// What was done or would be done, as JSON.
#[derive(Serialize)]
struct Published<'a> {
    #[serde(flatten)]
    files: View<'a>,
    prefix: &'a str,
    path: &'a str,
    /// URL of the site; none for a store in a folder, which has to be served.
    url: Option<String>,
    certified: u64,
    hashed_bytes: u64,
}

/// Publication of a folder.
struct Publisher<'a> {
    client: &'a StoreClient,
    args: &'a PublishArgs,
    location: &'a StoreLocation,
    /// Prefix of the keys, with its slash.
    prefix: String,
    job: Job<'a>,
}

pub(crate) async fn run(
    client: &StoreClient,
    context: &Context,
    location: &StoreLocation,
    args: &PublishArgs,
) -> Result<()> {
    context.check_new_key(&args.prefix)?;
    let publisher = Publisher::new(client, location, args)?;
    match args.watch {
        true => publisher.watch(context).await,
        false => publisher.publish(context, &mut Changes::default()).await,
    }
}

impl<'a> Publisher<'a> {
    fn new(client: &'a StoreClient, location: &'a StoreLocation, args: &'a PublishArgs) -> Result<Self> {
        let patterns = FilterArgs { exclude: args.exclude.clone(), ..FilterArgs::default() };
        let filter = Filter::new(&patterns)?;
        let options = Options {
            filter: if args.hidden { filter } else { filter.without_hidden() },
            delete: args.delete,
            force: args.force,
            dry_run: args.dry_run,
            ..Options::default()
        };
        let prefix = prefix_of(&args.prefix)?;
        let target = Root::Prefix { client, prefix: prefix.clone(), label: String::new() };
        let job = Job { source: Root::Folder(args.folder.clone()), target, options };
        Ok(Self { client, args, location, prefix, job })
    }

    /// Publishes the folder now, and again whenever it has changed. An error ends the command only at first: later, the folder
    /// is published again when it changes again.
    async fn watch(&self, context: &Context) -> Result<()> {
        let mut changes = Changes::default();
        match self.publish(context, &mut changes).await {
            Err(error) if error.is::<SomeFailed>() => drop(failure::report(&error)),
            done => done?,
        }
        context.output.note(&format!("watching {}; Ctrl-C ends", text::path(&self.args.folder)));
        loop {
            // Other commands can use a store in a folder in the meantime.
            context.output.idle.release();
            until_interrupted(context, async {
                tokio::time::sleep(POLL).await;
                Ok(())
            })
            .await?;
            // The folder may be removed and created again by a build.
            let Ok(tree) = self.look(context).await else { continue };
            if !changes.have_settled(&tree.entries) {
                continue;
            }
            match self.publish(context, &mut changes).await {
                Err(error) if error.chain().any(|cause| cause.is::<Interrupted>()) => return Err(error),
                Err(error) => drop(failure::report(&error)),
                Ok(()) => {}
            }
        }
    }

    /// Reads the folder without a report.
    async fn look(&self, context: &Context) -> Result<Tree> {
        let filter = &self.job.options.filter;
        let reading = Reading { filter, stores: &context.stores, kept: None, verifier: None };
        self.job.source.read(&reading, &mut Failures::silent()).await
    }

    /// Stores the files, declares the site and certifies it.
    async fn publish(&self, context: &Context, changes: &mut Changes) -> Result<()> {
        let mut failures = Failures::default();
        let mut tree = Plan::source(context, &self.job, &mut failures).await?;
        changes.publish(&tree.entries);
        let sites = self.client.list_sites().await?;
        let mut existing = Existing::read(context, &self.job, &mut failures).await?;
        let site = site::Plan::new(&self.args.site, &self.prefix, &sites, |name| {
            existing.entries.contains_key(name)
                || tree.entries.binary_search_by(|entry| entry.name.as_str().cmp(name)).is_ok()
        })?;
        let codings = &self.args.compress;
        let variants = assets::prepare(context, codings, &mut tree.entries, &mut existing.entries).await?;
        let mut plan = Plan::of(context, &self.job, tree, existing, &mut failures).await?;
        plan.unchanged += variants.unchanged;
        self.settle(context, &mut plan, &failures)?;
        let (report, done) = transfer::achieve(context, &self.job, &plan, &mut failures).await;
        let done = match done {
            Ok(()) if !self.args.dry_run => {
                until_interrupted(context, site.achieve(self.client, context)).await
            }
            done => done.map(|()| CertifyProgress::default()),
        };
        let printed = self.report(context, report.view(&self.job, &failures), &site.site.url_path(), &done);
        done.and_then(|_| failures.finish("file", "files")).and(printed)
    }

    /// Orders what is stored, and decides what is removed.
    fn settle(&self, context: &Context, plan: &mut Plan, failures: &Failures) -> Result<()> {
        // Pages come last: until then, the old ones are shown, with what they refer to.
        plan.make_last(
            |copy| matches!(copy, Copy::Upload { spec, .. } if spec.content_type.as_deref() == Some("text/html")),
        );
        if self.args.watch && !self.args.force && plan.would_empty() {
            context.output.note("nothing will be removed: no object would remain");
            plan.removals.clear();
        }
        plan.settle_removals(context, &self.job, failures)
    }

    /// Prints the report, and as text, the URL as the last line.
    fn report(
        &self,
        context: &Context,
        files: View<'_>,
        path: &str,
        done: &Result<CertifyProgress>,
    ) -> Result<()> {
        let output = &context.output;
        let is_published = done.is_ok() && !self.args.dry_run;
        output.note(&files.summary(context, &self.job));
        if let StoreLocation::Folder(store) = self.location
            && is_published
        {
            output.note(&format!("show the site with: storage --store {} serve", text::argument(store)));
        }
        let sum = done.as_ref().copied().unwrap_or_default();
        let (certified, hashed_bytes) = (sum.items, sum.hashed);
        let (prefix, url) = (self.prefix.as_str(), self.url(path));
        let published = Published { files, prefix, path, url, certified, hashed_bytes };
        output.print(&published, |Published { files, url, .. }| {
            let listed = if files.is_listed(context, &self.job) { files.lines() } else { Vec::new() };
            listed.into_iter().chain(url.clone().filter(|_| is_published)).collect()
        })
    }

    /// Returns the URL of a path at the gateway of the network.
    fn url(&self, path: &str) -> Option<String> {
        match self.client.transport() {
            AnyTransport::Agent(transport) => Some(transport.site_url(path)),
            _ => None,
        }
    }
}
